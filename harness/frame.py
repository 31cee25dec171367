"""A history as a data frame. Needs pandas, which is imported only here, when a frame is asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.operation import Type

if TYPE_CHECKING:
    import pandas

    from harness.history import History

_TYPES = [type.label for type in Type]


def data_frame(history: History) -> pandas.DataFrame:
    """See `History.to_pandas`."""
    import numpy as np
    import pandas as pd

    def category(name: str) -> Any:
        codes, texts = history.core.codes(name)
        return pd.Categorical.from_codes(np.asarray(codes), pd.Index(texts, dtype=object))

    def parsed(name: str) -> Any:
        codes, texts = history.core.codes(name)
        values = np.empty(len(texts) + 1, dtype=object)
        for place, text in enumerate(texts):
            values[place] = json.loads(text)
        return values[np.asarray(codes)]

    return pd.DataFrame(
        {
            "time": np.asarray(history.column("time")),
            "process": np.asarray(history.column("process")),
            "type": pd.Categorical.from_codes(np.asarray(history.types()), pd.Index(_TYPES, dtype=object)),
            "f": category("f"),
            "key": category("key"),
            "value": parsed("value"),
            "node": category("node"),
            "error": parsed("error"),
        },
        index=pd.Index(np.asarray(history.column("index")), name="index"),
    )
