"""What settings may be and are without being given, once for Python, the command line and the files.

Nothing is imported here: the command line's help reads it before anything heavy is loaded.
"""

from __future__ import annotations

#: The network that makes codes where none is named.
BACKBONE = "efficientnet-lite0"

#: Modes of decoding that nvImageCodec has, on a GPU and without one.
NVIMGCODEC_MODES = ("nvimgcodec", "nvimgcodec-cpu")

#: Ways of decoding; codes of each are of a space of its own.
DECODE_MODES = ("exact", "fast", *NVIMGCODEC_MODES)

#: How the places of a layer become one vector.
POOLS = ("mean", "max", "both")

#: What a dataset's rows may be: a view each, or the mean of an image's views.
REDUCTIONS = ("none", "mean")

#: Types that codes may be stored in.
DTYPES = ("float16", "float32")

#: Images in a shard.
SHARD_IMAGES = 2048

#: By what an image that is stored counts as unchanged: size and time of its file, or also its content.
CHECKS = ("stat", "content")
