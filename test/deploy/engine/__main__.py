"""moto's server as AWS, with what its CloudFormation lacks and this deployment needs.

`python engine PORT NODE_MODULES` answers on 127.0.0.1. The services are moto's own. README.md lists what stays
missing, and what covers it instead.
"""

from clients import PORT  # First, for its environment.

import attributes  # noqa: E402, F401
import custom  # noqa: E402, F401
import resources  # noqa: E402, F401
import rights  # noqa: E402, F401
import stacks  # noqa: E402, F401
from moto.server import main  # noqa: E402

if __name__ == "__main__":
    main(["-H", "127.0.0.1", "-p", PORT])
