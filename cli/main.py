"""`zhongtai`: one command for people. Each command lives in the file of its name; imports of heavy packages stay inside."""

import sys

import typer

from cli import ingest, up
from cli.console import complain
from contracts.errors import ZhongtaiError
