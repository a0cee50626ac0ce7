"""What is said of a variant on any cloud."""

from __future__ import annotations

from blocks.contracts import Conflict, VariantRequest


def differs(known: VariantRequest, asked: VariantRequest) -> Conflict:
    """Return the error for a name that is taken by a variant of another kind."""
    there, wanted = known.model_dump(mode="json"), asked.model_dump(mode="json")
    field = next(name for name in there if there[name] != wanted[name])
    shown = f"{there[field]}, and not {wanted[field]}"
    if field == "model" and known.model.version != asked.model.version:
        field, shown = "version", f"{known.model.version}, and not {asked.model.version}"
    return Conflict(
        f"variant {asked.variant!r} of {asked.endpoint!r} is there with {field} {shown}; "
        "take another name, or retire it first",
        code="VARIANT",
    )
