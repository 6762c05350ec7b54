"""`make docs`: write what is generated anew."""

from tests.docs import asyncapi, messages, verbs

messages.FILE.write_text(messages.text())
verbs.FILE.write_text(verbs.text())
asyncapi.FOLDER.mkdir(exist_ok=True)
for name, text in asyncapi.documents().items():
    (asyncapi.FOLDER / name).write_text(text)
