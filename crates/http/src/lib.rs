//! What the HTTP rooms share. See README.md.
