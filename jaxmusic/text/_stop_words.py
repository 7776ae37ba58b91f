"""Stop words: the function words that carry a language's grammar and none of a song's subject.

Written out here as data, one block a language, lower case, so that nothing is downloaded and every word can be
read and argued with. Each block lists articles, pronouns, prepositions, conjunctions, auxiliaries and the adverbs
that work like them; the Bangla block has the forms of everyday speech and those of older, literary song. English
forms with an apostrophe are whole words (`don't`); elided French and Italian ones stand without it (`qu`, `dell`),
as the tokenizer cuts there.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from jaxmusic.text.checks import one_text

_BLOCKS = {
    "bn": """
        আমি আমার আমাকে আমায় আমারে আমাতে আমরা আমাদের মোর মোরে মোরা মোদের তুমি তোমার তোমাকে তোমায় তোমারে
        তোমাতে তোমরা তোমাদের তব মম তুই তোর তোরে তোকে তোরা তোদের আপনি আপনার আপনাকে আপনারা আপনাদের সে তার
        তারে তাকে তায় তাতে তারা তাদের তাহা তাহার তাহারে তাহাতে তাহারা তিনি তাঁর তাঁকে তাঁরে তাঁরা
        তাঁহার উনি ওনার ইনি এই এ এর একে এরা এদের ইহা ইহার এটা এটি এসব এখানে এখন এমন এত এতো এবার ওই ঐ ও
        ওর ওরে ওকে ওরা ওদের ওটা ওখানে সেই সেটা সেটি সেসব সেখানে সেথা সেথায় তখন তেমন তত তবে তবু তবুও তাই
        তো যে যা যার যারে যাকে যায় যাতে যারা যাদের যাহা যাহার যাহারা যিনি যাঁর যেই যেটা যেখানে যেথা
        যেথায় যখন যেমন যত যতই যদি যদিও যেন কে কি কী কার কারে কাকে কারা কাদের কিসের কিসে কেউ কেহ কারো
        কোন কোনো কোনও কোথা কোথায় কখন কখনো কেমন কেন কত কিছু কিছুই আর এবং বা অথবা কিন্তু না নি নাই নেই
        নয় নহে নাহি নারে নাকো হাঁ হ্যাঁ জন্য জন্যে তরে থেকে হতে হইতে দিয়ে দিয়া করে করি করিয়া কর করো
        করা করতে করিতে করেছে করেছি হয় হয়ে হইয়া হল হলো হবে হও হলে হয়েছে হয়েছি ছিল ছিলাম ছিলে ছিলেন
        আছে আছি আছ আছো আছেন থাকে থাকি থাকা পরে আগে কাছে মাঝে মধ্যে ভিতরে উপরে উপর নিচে সাথে সঙ্গে মতো মত
        মতন পানে প্রতি বিনা ছাড়া শুধু কেবল সব সকল সবাই সবার সবে একটা একটি এক যাই যাও যাবে গেল গেলে গেছে
        এলো এল এসে আসে নিয়ে নিয়া দাও দিল দিলে দেয় নেয় বলে বুঝি আজ আজি আবার ওগো ওহে হে গো রে লো আহা
        হায় টি টা খানি পারে পারি
    """,
    "de": """
        der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner keines
        ich du er sie es wir ihr mich dich sich uns euch mir dir ihm ihn ihnen mein meine meinen meinem
        meiner meines dein deine deinen deinem deiner deines sein seine seinen seinem seiner seines ihre
        ihren ihrem ihrer ihres unser unsere unseren unserem unserer euer eure euren eurem und oder aber
        doch denn sondern wenn weil dass daß ob als wie wo was wer wen wem wessen warum wann wohin woher
        welche welcher welches welchen dieser diese dieses diesen diesem jener jene jenes jenen jenem
        jeder jede jedes jeden jedem alle alles allen aller man nicht nichts nie niemals nein ja nur
        noch schon auch so sehr mehr immer wieder dann da dort hier hin her nun jetzt mal eben zu zum
        zur von vom in im ins an am ans auf aus bei beim bis durch für gegen mit nach ohne über um unter
        vor zwischen seit bin bist ist sind seid war warst waren wart wär wäre wären gewesen hab habe
        hast hat haben habt hatte hattest hatten hätte hätten gehabt werde wirst wird werden werdet
        wurde wurden würde würden geworden kann kannst können könnt konnte konnten könnte muss muß musst
        müssen mußt musste will willst wollen wollt wollte soll sollst sollen sollte darf darfst dürfen
        mag magst möchte lass etwas viel viele wenig damit dafür dabei dadurch daran darauf daraus darin
        davon dazu zwar also etwa selbst bevor während wegen heraus hinaus herein hinein ganz ist's
        geht's gibt's war's wird's hab's du's ich's
    """,
    "en": """
        a an the i me my mine myself you your yours yourself he him his himself she her hers herself it
        its itself we us our ours ourselves they them their theirs themselves this that these those who
        whom whose which what when where why how and or but nor so if then than because as until while
        of at by for with about against between into through during before after above below to from up
        down in out on off over under again further once here there all any both each few more most
        other some such no not only own same too very am is are was were be been being have has had
        having do does did doing done will would shall should can could may might must ought just now
        ever never also yet still even though although upon onto within without toward towards across
        behind beside beyond near since every much many either neither else cause cause til till ain't
        aren't can't cannot couldn't didn't doesn't don't hadn't hasn't haven't isn't mightn't mustn't
        needn't shan't shouldn't wasn't weren't won't wouldn't i'm i'd i'll i've you're you'd you'll
        you've he's he'd he'll she's she'd she'll it's it'd it'll we're we'd we'll we've they're they'd
        they'll they've that's that'll there's there'll here's what's who's where's how's when's why's
        let's gonna gotta wanna im ive dont cant wont ill youre thats isnt didnt
    """,
    "es": """
        el la los las lo un una unos unas yo tú tu tus él ella ello ellos ellas nosotros nosotras
        vosotros usted ustedes me te se nos os le les mí ti sí conmigo contigo consigo mi mis su sus
        nuestro nuestra nuestros nuestras vuestro mío mía míos mías tuyo tuya suyo suya este esta esto
        estos estas ese esa eso esos esas aquel aquella aquello aquellos aquellas que qué quien quién
        quienes cual cuál cuales cuando cuándo donde dónde adonde como cómo cuanto cuánto cuya y e o u
        ni pero mas sino si porque pues aunque mientras no nada nadie nunca jamás ya aún aun más menos
        muy mucho mucha muchos muchas poco tan tanto tanta también tampoco siempre solo sólo así aquí
        ahí allí allá acá hoy ahora luego entonces después antes a al de del en con sin por para sobre
        bajo entre hacia hasta desde contra según tras ante soy eres es somos son era eras eran fui fue
        fueron sido ser será serás sería estoy estás está estamos están estaba estaban estado estar he
        has ha hemos han había habías habían hay haber hubo hubiera tengo tienes tiene tenemos tienen
        tener voy vas va vamos van puedo puedes puede pueden quiero hago haces hace hacer todo toda
        todos todas otro otra otros otras algo alguien algún alguna cada mismo misma pa
    """,
    "fr": """
        le la les un une des du de au aux je tu il elle on nous vous ils elles me te se moi toi lui leur
        leurs eux soi mon ma mes ton ta tes son sa ses notre nos votre vos ce cet cette ces cela ça ceci
        celui celle ceux celles qu y en qui que quoi dont où quand comment pourquoi combien quel quelle
        quels quelles lequel laquelle et ou mais donc or ni car si comme puisque parce lorsque lorsqu
        puisqu jusqu quelqu quoique ne pas plus jamais rien personne aucun aucune non oui point guère
        moins très trop peu assez tant aussi encore déjà toujours même mêmes tout toute tous toutes
        autre autres chaque quelque quelques plusieurs à dans par pour sur sous sans avec chez vers
        entre contre depuis pendant avant après devant derrière jusque dès ici là voici voilà alors puis
        ainsi bien suis es est sommes êtes sont étais était étions étaient été être sera serai seras
        serait soit fut ai as a avons avez ont avais avait avaient aura aurai aurait avoir eu fais fait
        faire vais vas va vont peux peut faut y'a ya
    """,
    "it": """
        il lo la i gli le un uno una l dell all dall nell sull del dello della dei degli delle al allo
        alla ai agli alle dal dalla dai dalle nel nello nella nei nelle sul sulla sui sulle col di a da
        in con su per tra fra io tu lui lei noi voi loro me te sé mi ti si ci vi ne mio mia miei mie tuo
        tua tuoi tue suo sua suoi sue nostro nostra vostro vostra questo questa questi queste quello
        quella quelli quelle quel quei che chi cui quale quali quando dove come perché quanto quanta e
        ed o ma se anche però né non niente nulla mai più meno molto poco tanto troppo così già ancora
        sempre solo qui qua lì là ora adesso poi allora sono sei è siamo siete era eri erano ero stato
        stata essere sarà sarò sia fossi ho hai ha abbiamo avete hanno avevo aveva avevano avere sto
        stai sta stiamo stanno faccio fai fa fare vado vai va posso puoi può voglio vuoi tutto tutta
        tutti tutte altro altra altri ogni qualche cosa c'è c'era
    """,
    "nl": """
        de het een der den des ik jij je hij zij ze wij we jullie u mij me jou hem haar hen hun ons onze
        mijn m'n jouw zijn z'n uw dit dat deze die wie wat waar wanneer waarom hoe welke en of maar want
        omdat als dan toen terwijl hoewel niet niets nooit geen nee ja nog al ook zo heel veel meer weer
        altijd nu hier daar er eens te ten ter van in op aan uit bij tot door voor tegen met na naar
        zonder over om onder tussen sinds ben bent is was waren geweest heb hebt heeft hebben had hadden
        gehad word wordt worden werd kan kunnen kon moet moeten moest wil willen wilde zal zullen zou
        zouden mag mogen laat alles alle iets iemand niemand zelf toch maar even gewoon zo'n ga gaat
        gaan doe doet
    """,
    "pt": """
        o a os as um uma uns umas eu tu ele ela nós vós eles elas você vocês me te se nos lhe lhes mim
        ti si comigo contigo meu minha meus minhas teu tua teus tuas seu sua seus suas nosso nossa
        nossos nossas dele dela deles delas este esta isto estes estas esse essa isso esses essas aquele
        aquela aquilo que quem qual quais quando onde como quanto porque porquê por pra pro para e ou
        mas nem se pois embora enquanto não nada ninguém nunca jamais já ainda mais menos muito muita
        muitos pouco tão tanto também sempre só assim aqui aí ali lá hoje agora depois antes então de do
        da dos das em no na nos nas ao aos à às com sem sobre sob entre até desde contra num numa pelo
        pela pelos pelas sou és é somos são era eram fui foi foram sido ser será seria estou está
        estamos estão estava estar tenho tem temos têm tinha ter há havia vou vai vamos vão posso pode
        podem quero faço faz fazer todo toda todos todas tudo outro outra algo alguém cada mesmo tá tô
    """,
}

LANGUAGES = tuple(sorted(_BLOCKS))


@cache
def stop_words(language: str) -> frozenset[str]:
    """The stop words of a language, NFC-normalised and lower case.

    Args:
        language: an ISO 639-1 code, such as `"en"` or `"bn"`.

    Returns:
        The words; none for a language without a list, `"und"` (undetermined) included.

    Raises:
        TypeError: no string.

    >>> "don't" in stop_words("en"), "আমার" in stop_words("bn"), stop_words("und")
    (True, True, frozenset())
    """
    return frozenset(unicodedata.normalize("NFC", _BLOCKS.get(one_text(language, "language"), "")).split())
