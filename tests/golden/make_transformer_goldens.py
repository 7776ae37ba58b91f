"""Hidden states of small random encoders by PyTorch transformers: `transformer_{bert,roberta,…}/`.

    python tests/golden/make_transformer_goldens.py      # needs torch and transformers (tested: 2.13.0, 5.23.0)

Each folder holds `config.json` and `model.safetensors` as that library writes them, and `expected.npz` with
`input_ids`, `attention_mask`, `last_hidden_state` and, where there is a pooler, `pooler_output`. The second row ends in
padding, the third has it inside.
"""

from pathlib import Path

import numpy as np
import torch
import transformers

FOLDER = Path(__file__).parent
SIZES = {
    "vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
    "max_position_embeddings": 20,
}  # fmt: skip


# Another activation each for some.
OPTIONS = {
    "MPNet": {"hidden_act": "gelu_new"},
    "DistilBert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "activation": "relu"},
    "Camembert": {"hidden_act": "silu"},
}


def main() -> None:
    """Write the folders."""
    kinds = (("Bert", 0), ("Roberta", 1), ("XLMRoberta", 1), ("MPNet", 1), ("DistilBert", 0), ("Camembert", 1))
    for seed, (name, pad) in enumerate(kinds):
        torch.manual_seed(seed)
        types = {"type_vocab_size": 2 if name == "Bert" else 1, "pad_token_id": pad, **OPTIONS.get(name, {})}
        config = getattr(transformers, f"{name}Config")(**SIZES, **types)
        model = getattr(transformers, f"{name}Model")(config).eval()
        with torch.no_grad():
            # Fresh biases are 0 and norms 1, which would hide a mix-up.
            for parameter in model.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
        folder = FOLDER / f"transformer_{config.model_type.replace('-', '_')}"
        model.save_pretrained(folder)
        (folder / "model.safetensors").chmod(0o644)
        ids = torch.randint(5, SIZES["vocab_size"], (3, 11), generator=torch.Generator().manual_seed(9 + seed))
        mask = torch.ones_like(ids)
        mask[1, 6:] = 0
        mask[2, 4:7] = 0
        ids[mask == 0] = pad
        with torch.no_grad():
            found = model(input_ids=ids, attention_mask=mask)
        np.savez_compressed(
            folder / "expected.npz",
            input_ids=ids,
            attention_mask=mask.bool(),
            last_hidden_state=found.last_hidden_state,
            **({"pooler_output": found.pooler_output} if "pooler_output" in found else {}),
        )


if __name__ == "__main__":
    main()
