"""Tests of the app; a package, so that its fixtures have a name of their own."""
