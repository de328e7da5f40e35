"""Settings as people read them: in `tbg settings` and in messages; secrets are masked."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import typed_settings as ts

from tbg.config import Settings
from tbg.setting_values import Overrides
from tbg.url_passwords import mask_url

if TYPE_CHECKING:
    import attrs


def shown(settings: Settings, field: "attrs.Attribute[Any]") -> str:
    """Return a setting's value for people; passwords inside URLs are masked."""
    value = getattr(settings, field.name)
    return mask_url(value) if isinstance(value, ts.SecretStr) else _as_text(value)


def kind(field: "attrs.Attribute[Any]") -> str:
    """Return a setting's type for people."""
    if get_origin(field.type) is Literal:
        return " | ".join(map(str, get_args(field.type)))
    names: dict[object, str] = {
        ts.SecretStr: "secret URL",
        str: "text",
        int: "whole number",
        int | None: "whole number",
        Overrides: "JSON object",
        float: "number",
        bool: "true | false",
        Path: "path",
    }
    return next((name for type_, name in names.items() if field.type == type_), "JSON list")


def _as_text(value: object) -> str:
    if value is None:
        return "as the contract says"
    if isinstance(value, tuple | dict):
        return json.dumps(value)
    if isinstance(value, Path):
        return os.fsencode(value).decode(errors="backslashreplace")  # a locale may not have the path's letters
    return str(value).lower() if isinstance(value, bool) else str(value)
