"""A local Microsoft identity platform and Microsoft Graph: for the demo, tests and benchmarks.

One ASGI application plays ``login.microsoftonline.com`` and ``graph.microsoft.com`` over plain
HTTP on loopback, from Microsoft's public documentation. It knows nothing of the production code
and the production code knows nothing of it: the two meet only in HTTP.

* ``Directory`` is the pretended Entra tenant, ``generate`` fills it, ``churn`` changes it.
* ``create_app`` is the application, ``SimulatorServer`` and ``serve`` run it.
"""

from azure_adapter.simulator.app import create_app
from azure_adapter.simulator.changes import ChangeReport, apply_changes, churn
from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.faults import Fault, FaultPlan
from azure_adapter.simulator.generator import GeneratorOptions, generate
from azure_adapter.simulator.server import SimulatorServer, serve
from azure_adapter.simulator.state import RecordedRequest, Settings, Simulator

__all__ = [
    "ChangeReport",
    "Directory",
    "Fault",
    "FaultPlan",
    "GeneratorOptions",
    "RecordedRequest",
    "Settings",
    "Simulator",
    "SimulatorServer",
    "apply_changes",
    "churn",
    "create_app",
    "generate",
    "serve",
]
