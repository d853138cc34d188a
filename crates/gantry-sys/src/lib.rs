//! The system calls that supervision needs; the only unsafe code.
