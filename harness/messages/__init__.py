"""Messages between clients and nodes, as far as a run's folder keeps them: those round a violation.

A violation is explained by what was said and what got lost. Its *scene* is the time from the first to the last of the
operations that prove it, with a margin, and the keys these are about. Of the messages of a scene at most
`MESSAGES_MAX` are kept: first those whose body names one of the keys, then a few others for the surroundings, of
each kind those nearest in time to where an operation begins or ends. How many were left out is kept as well. So what is
kept is bounded whatever a store sends, in memory and on disk.

`messages.jsonl` holds one JSON object a line. First comes `{"format": 1}`, with a `why` where there is nothing more to
come. Each scene is a line `{"scene": 0, "type", "key", "ops", "start_ns", "end_ns", "left_out"}`,
where type, key and ops are those of the violation; its messages follow in the order of their sending:
`{"scene": 0, "source", "dest", "sent_ns", "ended_ns", "fate", "faults", "type", "body", "cut", "about",
"process"}`. Times are ns since the run began. `body` is the JSON text, and `cut` says that it is only
the first `BODY_CHARS_MAX` characters; `about` says whether it names a key of the scene; `process` is that of the
client, null between nodes.
`fate` is one of `Fate`, and `faults` are the ids of those that took the message.
"""

from harness.messages.conversation import SCENES_MAX, Conversation, Heard, lines
from harness.messages.message import BODY_CHARS_MAX, Fate, Message
from harness.messages.scene import MARGIN_NS, Scene
from harness.messages.tap import MESSAGES_MAX, OTHERS_MAX, Kept, Tap, Tapped
from harness.messages.topic import Topic

__all__ = [
    "BODY_CHARS_MAX",
    "MARGIN_NS",
    "MESSAGES_MAX",
    "OTHERS_MAX",
    "SCENES_MAX",
    "Conversation",
    "Fate",
    "Heard",
    "Kept",
    "Message",
    "Scene",
    "Tap",
    "Tapped",
    "Topic",
    "lines",
]
