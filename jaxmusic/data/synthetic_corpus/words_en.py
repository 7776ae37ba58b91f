"""English phrases of the lyrics: places by genre, lines by mood, and lines that any song may have."""

# A line is a place and a clause, in either order, so both read well after the other.
PLACES = {
    "ambient": (
        "under the northern sky", "above the quiet sea", "between the drifting clouds", "beyond the pale horizon",
        "inside the falling snow", "where the glaciers lean", "over the empty harbour", "among the distant stars",
        "below the frozen lake", "along the edge of space", "in the hush before dawn", "where the mist is born",
    ),
    "electronic": (
        "under the neon signs", "in the glass of the towers", "on the midnight train",
        "in the glow of the screens", "where the lasers cross", "through the wires of the city",
        "on a rooftop full of antennas", "in the tunnel of lights", "behind the mirrored door",
        "at the last station", "inside the machine", "on the flickering floor",
    ),
    "folk": (
        "by the old mill stream", "over the harvest field", "down the winding lane", "beside my mother's well",
        "where the cattle drink", "on the hill of heather", "under the willow tree", "at the garden gate",
        "along the ferry road", "in the orchard grass", "by the village fire", "through the fields of barley",
    ),
    "hiphop": (
        "on the corner of my block", "at the back of the bus", "behind the corner store",
        "on the basketball court", "in a two room apartment", "up on the fire escape", "under the subway bridge",
        "through the housing yards", "outside the barber shop", "on the concrete steps", "across the avenue",
        "with my brothers on the stoop",
    ),
    "jazz": (
        "in a smoky cafe", "at a table for two", "under the harvest moon", "down in the cellar bar",
        "along the boulevard", "beneath the paper lanterns", "by the baby grand", "in the last taxi home",
        "over a glass of wine", "in the corner of the ballroom", "with my hat on the chair", "by the hotel window",
    ),
    "rock": (
        "on the open highway", "behind the broken wheel", "at the edge of town", "in the garage out back",
        "with the engine running", "along the railway tracks", "under the thunder", "in the desert wind",
        "at the gasoline station", "on the tailgate of a truck", "through the canyon", "where the power lines hum",
    ),
}  # fmt: skip

CLAUSES = {
    "angry": (
        "they burned the bridge we built", "I am breaking every chain", "you lied into my face",
        "the walls are coming down", "my fists are made of thunder", "I won't kneel for your crown",
        "they sold us poisoned water", "there's a fire in my throat", "I tear your letters up",
        "your masters fear the flood", "I throw the stones you gave me", "no one will shut our mouths",
        "you traded us for gold", "I scream until it shatters", "the siren calls my name",
        "my blood begins to boil", "I burn your book of orders", "the guards have lost the keys",
        "I bite the hand that cheats me", "we storm the iron gates", "a knife is in the promise",
        "your castle turns to ashes",
    ),
    "calm": (
        "I let the hours go by", "the water takes its time", "we breathe as slow as trees",
        "a feather finds the ground", "the kettle starts to hum", "your shoulder is my pillow",
        "the moss grows over stones", "I fold the morning paper", "the light lies down to rest",
        "we listen to the leaves", "the world can wait a while", "a boat drifts on its rope",
        "I count the breaths between us", "the cat sleeps on the sill", "the snow forgets our steps",
        "a candle keeps us company", "the clock has lost its hands", "I water all the ferns",
        "the tide comes in and goes", "your whisper settles down", "the evening folds its wings",
        "there's nowhere we must be",
    ),
    "happy": (
        "we dance until the morning", "I laugh and you laugh louder", "the sun is on our faces",
        "the children chase the kites", "we paint the houses yellow", "my heart is jumping rope",
        "you kiss me on the carousel", "the bells begin to swing", "we clap along together",
        "I cartwheel in the grass", "a hundred birds take wing", "we raise our glasses high",
        "I whistle to the baker", "the summer never ends", "we sing with open windows",
        "your smile lights every lamp", "good news is at the door", "we spin around and shine",
        "there's honey on the bread", "I wear my brightest shirt", "the whole parade is cheering",
        "we wake the town with drums",
    ),
    "sad": (
        "I miss the way you called me", "the rain won't leave my window", "your chair is empty now",
        "I read your letter twice", "the tears have dried to salt", "we never said goodbye",
        "the house has grown too wide", "I keep your broken watch", "the winter stole your voice",
        "my pillow knows your name", "the flowers bend and fade", "I wait for no one's footsteps",
        "a shadow wears your coat", "the phone forgets to ring", "I lost you in the fog",
        "your picture fades to grey", "the lonely dog still waits", "the last boat left without us",
        "I bury what I meant to say", "the ashes of our wedding song", "my hands remember yours",
        "the grave is full of roses",
    ),
}  # fmt: skip

# What any song may say, whatever its mood.
SHARED = (
    "I hear the music playing", "you know the road by heart", "tell me what you see", "the night is on its way",
    "I think about tomorrow", "we walk a little further", "somebody calls my name", "I carry what I can",
    "the story starts again", "you hold me in your eyes", "we leave the door unlocked", "time is a turning wheel",
    "the moon looks down on us", "I ask you for the truth", "the years are passing through",
    "I follow where you go",
)  # fmt: skip

CONNECTIVES = ("and", "oh", "so", "still", "tonight", "because", "once more")

# What a refrain calls out, by mood.
CALLS = {
    "angry": ("burn it down", "no more lies", "break it, break it", "we will fight", "fire, fire", "never again"),
    "calm": ("slowly, slowly", "breathe with me", "let it be", "stay a while", "easy now", "drift with me"),
    "happy": ("dance with me", "come on and sing", "laugh with me", "shine on, shine on", "hey my friend", "jump up"),
    "sad": ("goodbye my love", "tears, only tears", "don't leave me", "lonely, so lonely", "come back to me", "no, no"),
}  # fmt: skip

ARTIST_FIRST = (
    "Paper", "Velvet", "Silver", "Hollow", "Crimson", "Northern", "Wooden", "Electric", "Little", "Golden",
    "Copper", "Painted", "Salt", "Marble", "Winter", "Ivory", "Tin", "Amber", "Broken", "Seven", "Hidden", "Blue",
    "Iron", "Lunar", "Second", "Cotton", "Wild", "Glass", "Orchard", "Distant",
)  # fmt: skip
ARTIST_LAST = (
    "Lanterns", "Foxes", "Harbour", "Parade", "Sparrows", "Union", "Engines", "Letters", "Rivers", "Cinema",
    "Tigers", "Orchestra", "Kites", "Avenue", "Mirrors", "Pilots", "Gardens", "Hearts", "Bicycles", "Compass",
    "Sailors", "Postcards", "Trees", "Brothers", "Satellites", "Carousel", "Wolves", "Ladders", "Choir", "Seasons",
)  # fmt: skip
