pub mod cursor;
pub mod field;
pub mod header;
pub mod legacy;
pub mod shape;
pub mod shapes;
