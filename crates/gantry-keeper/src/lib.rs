//! Guard and keeper: the small parents of native processes, and their protocol.
