#!/usr/bin/env python3
"""Turns IBM's twitter-customer-care dialogs into the JSON lines that `dossier import --format jsonl` reads.

    ibm_to_jsonl.py DIALOGS.json > messages.jsonl

Each message answers the one before it in its dialog. The last one of a dialog stands apart, under `agentURL`: it is
the company's tweet with the link, so that a header's messageCount is the length of dialogContent and one. That tweet
has no time beside it, but its identifier holds one: the upper bits are milliseconds since Twitter's epoch.
A tweet that is in two dialogs is written twice, as it is in the source.
"""

import json
import sys
from datetime import datetime, timedelta, timezone

TWITTER_EPOCH = datetime(2010, 11, 4, 1, 42, 54, 657000, tzinfo=timezone.utc)
TIME_SHIFT = 22


def time_of(tweet_id):
    sent_at = TWITTER_EPOCH + timedelta(milliseconds=int(tweet_id) >> TIME_SHIFT)
    return sent_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def tweets_of(dialog):
    """(tweet, author, is inbound, text, time), oldest first."""
    for tweet in dialog["dialogContent"]:
        client = tweet.get("client") or tweet.get("client1")
        author = client or tweet["agent"]
        yield tweet["tweet_ID"], author, client is not None, tweet["message"], tweet["datetime"]
    last = dialog["agentURL"]
    company = dialog["dialogHeader"]["company"]
    yield last["tweet_ID"], company, False, last["url_utterance"], time_of(last["tweet_ID"])


def messages_of(dialog):
    header = dialog["dialogHeader"]
    tweets = list(tweets_of(dialog))
    if len(tweets) != int(header["messageCount"]):
        sys.exit(f"dialog {header['sessionID']}: {len(tweets)} messages, its header says {header['messageCount']}")
    parent = None
    for tweet, author, inbound, text, sent_at in tweets:
        yield {
            "external_id": tweet,
            "reply_to": parent,
            "author": {"external_id": author, "handle": author},
            "direction": "inbound" if inbound else "outbound",
            "text": text,
            "sent_at": sent_at,
            "fields": {"company": header["company"], "session": header["sessionID"]},
        }
        parent = tweet


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        dialogs = json.load(file)
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    for dialog in dialogs:
        for message in messages_of(dialog):
            print(json.dumps(message, ensure_ascii=False))


if __name__ == "__main__":
    main()
