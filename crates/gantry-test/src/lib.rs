//! What several crates' tests share; never a dependency of the product.
