"""The notebook client of Descent: data up, networks trained on a server, everything back as DataFrames.

```python
import descent

client = descent.Client()  # DESCENT_URL and DESCENT_TOKEN
data = client.datasets.upload("examples/penguins.csv")
run = client.runs.submit(dataset=data, task="classification", target="species").wait()
run.model().predict([{"island": "Biscoe", "bill_length_mm": 47.5}])
```

`AsyncClient` is the same with `await`. Estimators for scikit-learn are in `descent.sklearn`.
"""

from ._async.client import AsyncClient
from ._async.datasets import AsyncDataset
from ._async.landscape import AsyncLandscape
from ._async.models import AsyncModel
from ._async.run import AsyncRun
from ._async.runs import AsyncRunList
from ._async.sweeps import AsyncSweep
from ._retry import Retry
from ._rows import Prediction
from ._spec import choice, integer, log_uniform, uniform
from ._sync.client import Client
from ._sync.datasets import Dataset
from ._sync.landscape import Landscape
from ._sync.models import Model
from ._sync.run import Run
from ._sync.runs import RunList
from ._sync.sweeps import Sweep
from ._trajectory import Trajectory
from .errors import (
    ApiError,
    Conflict,
    ConnectionFailed,
    DescentError,
    Forbidden,
    InvalidRequest,
    InvalidSpec,
    MissingDependency,
    MissingToken,
    NotFound,
    RateLimited,
    RunFailed,
    ServerError,
    Unauthorized,
    Unavailable,
    Violation,
    WaitTimeout,
)

__all__ = [
    "ApiError",
    "AsyncClient",
    "AsyncDataset",
    "AsyncLandscape",
    "AsyncModel",
    "AsyncRun",
    "AsyncRunList",
    "AsyncSweep",
    "Client",
    "Conflict",
    "ConnectionFailed",
    "Dataset",
    "DescentError",
    "Forbidden",
    "InvalidRequest",
    "InvalidSpec",
    "Landscape",
    "MissingDependency",
    "MissingToken",
    "Model",
    "NotFound",
    "Prediction",
    "RateLimited",
    "Retry",
    "Run",
    "RunFailed",
    "RunList",
    "ServerError",
    "Sweep",
    "Trajectory",
    "Unauthorized",
    "Unavailable",
    "Violation",
    "WaitTimeout",
    "choice",
    "integer",
    "log_uniform",
    "uniform",
]
