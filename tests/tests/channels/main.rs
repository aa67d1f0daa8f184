//! Channels as their platforms reach them: mails by SMTP, webhooks by HTTP, feeds that are asked, against a running site.

mod accounts;
mod asking;
mod asking_mails;
mod chat;
mod chat_browser;
mod chat_hostile;
mod contacts;
mod dead_letters;
mod edits;
mod fake;
mod fates;
mod feeds;
mod files;
mod forms;
mod health;
mod hooks;
mod mail;
mod mail_sets;
mod mails_out;
mod payloads;
mod published;
mod real_mails;
mod replies;
mod sending;
mod signed;
mod vectors;
