//! The asynchronous part of the client: one thread, made when it is needed.

use std::future::Future;

use crate::error::Error;

/// Run a future to its end.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::io("start the client", source))?;
    runtime.block_on(future)
}
