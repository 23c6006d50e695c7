"""The other engines: how to install, prepare and run them."""
