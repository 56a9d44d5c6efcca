"""The FlatBuffers schema of TensorFlow Lite, as the package ai-edge-litert ships it."""

from edgernn.errors import MissingExtraError

try:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema
except ImportError as error:
    raise MissingExtraError("ai-edge-litert", "export", "writing .tflite files") from error

__all__ = ["flatbuffers", "schema"]
