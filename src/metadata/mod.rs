pub mod broker_records;
pub mod field;
pub mod partition_records;
pub mod records;
