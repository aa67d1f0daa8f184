mod fixtures;
mod life;
mod next;
mod platform;
mod properties;
mod table;
