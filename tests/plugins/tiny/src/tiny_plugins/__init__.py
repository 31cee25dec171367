"""One of each kind of plugin, in a package of its own."""
