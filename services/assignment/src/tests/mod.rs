mod board;
mod week;
