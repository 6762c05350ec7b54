"""`make docs`: write what is generated anew."""

from tests.docs import asyncapi, features, flows, messages, verbs

messages.FILE.write_text(messages.text())
features.FILE.write_text(features.text(), encoding="utf-8")
verbs.FILE.write_text(verbs.text())
flows.SCHEMA.write_text(flows.schema())
flows.README.write_text(flows.readme())
asyncapi.FILE.write_text(asyncapi.text(), encoding="utf-8")
