//! Native processes, by way of guard and keeper.
