"""Weight files from any published naming to any other, and to our own format.

Nothing is lost that the way back needs: what another scheme has no place for is kept in the file under FOLDED.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor
from yacs.config import CfgNode

from lib.config import config_to_text, resolve_skeleton
from lib.models import build_model
from lib.run.setup import make_codec
from lib.utils.checkpoint import (
    ORIGIN,
    StoredWeights,
    fit_weights,
    model_checkpoint,
    read_weights,
    save_checkpoint,
)
from lib.utils.errors import PoseError
from lib.utils.weight_matching import RECOMPUTED
from lib.utils.weight_names import (
    CONTAINERS,
    ORIGINAL,
    OTHER_NETWORK,
    TARGETS,
    describe_network,
    find_weights,
    fold_biases,
    folded_entries,
    is_rsn,
    is_split,
    normed_biases,
    to_scheme,
    unfold_biases,
    zero_biases,
)
from lib.utils.weight_report import shorten

OWN = "plumbpose"
ALL_TARGETS = (OWN, *TARGETS)
# In a file whose convolutions have no biases: those it was converted from, and the running means before.
FOLDED = "folded_biases"
# Entries of mmpose's training files that belong to no layer: the moving average, and the image statistics.
BESIDE_THE_NETWORK = ("ema_", "data_preprocessor.")
# Systems that add HRFormer's relative position bias, and those that leave it out.
ADDS_BIAS = {"mmpose 0.x": True, "mmpose 1.x": True, "HRFormer": False}
JOINED = ".qkv."
TARGET_ADDS_BIAS = {ORIGINAL: False, "mmpose0": True, "mmpose1": True}


@dataclass
class Conversion:
    """A conversion under way.

    Attributes:
        stored: what was read, without what is not carried on.
        target: one of ALL_TARGETS.
        content: what is written.
        facts: what was done, one line each.
        warnings: what the user must know to use the result.
        added: entries of the result that the file had nothing for.
        restored: biases that the file kept beside its weights.
    """

    stored: StoredWeights
    target: str
    content: dict[str, Any] = field(default_factory=dict)
    facts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    added: int = 0
    restored: int = 0


def convert_checkpoint(source: Path, output: Path, target: str, cfg: CfgNode | None, *, force: bool) -> Conversion:
    """Write the weights of one file under the names of another scheme.

    Args:
        source: any file that `load_weights` reads.
        output: the file to write; atomically.
        target: one of ALL_TARGETS.
        cfg: what the weights were trained with; for OWN, whose files say so, and for no other.
        force: write over a file that is there.

    Returns:
        What was done; the conversion back gives the same entries with the same bits.

    Raises:
        PoseError: bad input, or a network that the other scheme has no names for; nothing has been written then.
    """
    if (target == OWN) != (cfg is not None):
        raise PoseError(f"--cfg says what a file of ours is for, so --to {OWN} needs it and the others do not.")
    if output.exists() and not force:
        raise PoseError(f"{output} exists already; name another file or add --force.")
    work = _read(source, target)
    if cfg is None:
        _write_names(work)
    else:
        _write_own(work, cfg)
    save_checkpoint(output, work.content)
    _count_names(work, output)
    return work


def _read(source: Path, target: str) -> Conversion:
    stored = read_weights(source)
    network = describe_network(stored.weights)
    if network == OTHER_NETWORK:
        raise PoseError(
            f"checkpoint {source} holds {network}; the names of HRNet, ResNet, RSN and HRFormer can be converted."
        )
    if stored.metadata is not None and target == OWN:
        raise PoseError(f"checkpoint {source} is one of ours already; use it as it is.")
    work = Conversion(stored, target)
    work.facts.append(f"{source}: {network}, {stored.scheme}")
    beside = [name for name in stored.weights if name.startswith(BESIDE_THE_NETWORK)]
    if beside:
        work.facts.append(f"  left out: {len(beside)} entries beside the network, such as {beside[0]}")
    weights = {name: value for name, value in stored.weights.items() if name not in beside}
    if left_out := _other_content(stored):
        work.facts.append(f"  left out: {', '.join(left_out)}")
    kept = stored.content.get(FOLDED)
    if isinstance(kept, Mapping):
        weights = _unfold(work, weights, kept)
    work.stored = replace(stored, weights=weights)
    return work


def _unfold(work: Conversion, weights: dict[str, Tensor], kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Put back the biases that the file was converted from."""
    restored = unfold_biases(weights, kept)
    if restored is None:
        work.warnings.append("the biases kept in the file no longer fit its weights, and were left out")
        return weights
    work.restored = len(restored) - len(weights)
    work.facts.append(f"  put back: {work.restored} biases that the file kept")
    return restored


def _other_content(stored: StoredWeights) -> list[str]:
    """What a file holds beside the weights that were found in it."""
    if stored.metadata is not None:
        return [f"codec {stored.metadata.codec.get('name')}", f"keypoints {stored.metadata.skeleton}", "configuration"]
    used = next((key for key in CONTAINERS if find_weights(stored.content.get(key))), None)
    beside = [key for key, value in stored.content.items() if key not in (used, ORIGIN, FOLDED) and value != {}]
    return [] if used is None else beside


def _write_names(work: Conversion) -> None:
    """Fill `content` with a published scheme's entries, in the container that its programs look for."""
    weights, kept = work.stored.weights, {}
    biases = normed_biases(weights)
    if work.target != ORIGINAL:
        kept = _keep_biases(work, biases)
        weights = fold_biases(weights, biases)
    elif added := zero_biases(weights):
        work.facts.append(f"  added: {len(added)} biases before BatchNorm, all 0")
        work.added = len(added)
        weights = {**weights, **added}
    renamed = to_scheme(weights, work.target)
    if work.target != ORIGINAL:
        work.content = {"meta": {}, "state_dict": renamed}
    elif is_split(weights):
        work.content = {"state_dict": renamed}
    else:
        work.content = {"model": renamed} if is_rsn(weights) else dict(renamed)
    if kept:
        work.content[FOLDED] = kept
    if is_split(weights):
        _note_system(work)


def _keep_biases(work: Conversion, biases: list[str]) -> dict[str, Tensor]:
    """What is to be kept of biases that the result has no place for."""
    kept = folded_entries(work.stored.weights, biases)
    if biases:
        place = f"; kept as {FOLDED} for the way back" if kept else ", all 0"
        work.facts.append(f"  taken off BatchNorm's running means: {len(biases)} biases{place}")
    return kept


def _note_system(work: Conversion) -> None:
    """Say in the file, and to the user, which program trained the weights of an HRFormer, if that is known."""
    origin = work.stored.system
    if origin not in ADDS_BIAS:
        return
    work.content[ORIGIN] = origin
    if ADDS_BIAS[origin] != TARGET_ADDS_BIAS[work.target]:
        trained = "with" if ADDS_BIAS[origin] else "without"
        work.warnings.append(
            "mmpose's HRFormer adds the relative position bias and the original leaves it out; these weights were "
            f"trained {trained} it and lose accuracy there"
        )


def _write_own(work: Conversion, cfg: CfgNode) -> None:
    """Fill `content` with a checkpoint of ours."""
    model = build_model(cfg)
    report = fit_weights(model, work.stored, allow_new_head=False)
    if report.missing:
        raise PoseError(
            f"checkpoint {report.path} is not complete: it lacks {shorten(report.missing)}; fetch it again."
        )
    work.content = model_checkpoint(
        model, codec=make_codec(cfg).description(), skeleton=resolve_skeleton(cfg), config=config_to_text(cfg)
    )
    state, weights = work.content["state_dict"], work.stored.weights
    if kept := _keep_biases(work, [name for name in normed_biases(weights) if name not in state]):
        work.content[FOLDED] = kept
    changed = [name for name in report.matched if name in weights and weights[name].dtype != state[name].dtype]
    missing = [name for name in state if name not in weights]
    work.added = len(missing)
    facts = {
        "left out": report.unexpected,
        "added": missing,
        "recomputed": [name for name in state if name.endswith(RECOMPUTED)],
        "converted to float32": changed,
    }
    work.facts += [f"  {kind}: {shorten(names)}" for kind, names in facts.items() if names]


def _count_names(work: Conversion, output: Path) -> None:
    """Add what became of the names to the facts."""
    before, after = find_weights(work.stored.content) or {}, find_weights(work.content) or {}
    attention = sum(JOINED in name for name in after) - sum(JOINED in name for name in before)
    joined, split = max(0, attention), max(0, -attention)
    new = len(after.keys() - before.keys())
    put_back = 0 if FOLDED in work.content else work.restored
    counts = {
        "with the same name": len(after) - new,
        "renamed": new - joined - 3 * split - work.added - put_back,
        "joined from three": joined,
        "split from one": 3 * split,
        "added": work.added,
        "put back": put_back,
    }
    parts = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    work.facts.insert(1, f"{output}: {len(after)} entries, {work.target}: {parts}")
