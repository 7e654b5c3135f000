//! What a client can see, one module a behaviour; and `tidy`, what a test can see of the house.

mod tidy;
