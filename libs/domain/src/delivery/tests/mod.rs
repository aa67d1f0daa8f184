mod fixtures;
mod life;
mod limits;
mod next;
mod platform;
mod properties;
mod receipts;
mod table;
