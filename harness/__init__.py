"""The controller: operations, histories, generators, the interpreter, clusters, runs and the command line.

Importing this package is cheap on purpose: `harness.node`, the node runtime, is copied into the images of the bundled
stores together with this file and nothing else, so nothing outside the standard library may be imported here.
"""

__version__ = "0.1.0"
