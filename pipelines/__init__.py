"""Philtrum's pipelines: face-photo jobs for craniofacial research, usable from Python."""

__version__ = "0.1.0"
