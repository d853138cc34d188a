//! A driver without a backend, for tests of everything above the seam.
