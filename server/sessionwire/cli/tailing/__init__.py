"""The parts of `sessionwire tail`: where traces come from, which are printed when, and how."""
