// SPDX-License-Identifier: Apache-2.0
#include "stream_table.h"

#include <tidemill/redis/command.h>

#include <algorithm>
#include <utility>

namespace tidemill::redis_stream {

void Stream::distrust()
{
    known.dropNewest(unconfirmed);
    foundAhead = std::max<qsizetype>(0, foundAhead - unconfirmed);
    unconfirmed = 0;
    lastId = confirmedId;
    needsLookup = true;
    hasRefused = false;
}

void Stream::dropPrepared()
{
    known.dropNewest(std::exchange(prepared, 0));
}

void Stream::takeAnsweredId()
{
    if (answeredId.isEmpty())
        return;
    lastId.resize(0); // keeps its memory
    lastId.append(answeredId);
    answeredId = {};
}

void Stream::confirm(qsizetype keep)
{
    confirmedId = lastId;
    unconfirmed = 0;
    known.trim(std::max(keep, foundAhead) + prepared);
    // Somebody may mend the cause and offer the record again.
    if (std::exchange(hasRefused, false)) {
        known = {};
        confirmedId.clear();
        needsLookup = keep > 0;
    }
}

std::size_t StreamTable::KnownHash::operator()(const Known &known) const
{
    std::size_t hash = std::hash<const void *>()(known.form);
    for (const quint32 id : known.ids)
        hash = (hash ^ id) * 0x9e3779b97f4a7c15ULL;
    return hash;
}

Stream *StreamTable::find(const EntryForm &form, const Batch &batch, qsizetype row)
{
    if (const Field *field = form.keySymbol()) {
        if (m_lastForm != &form) {
            m_lastForm = &form;
            m_lastSymbols = &m_bySymbol[&form]; // it stays where it is
        }
        const quint32 id = batch.value<Symbol>(row, *field).id();
        if (m_lastSymbols->size() <= id)
            m_lastSymbols->resize(id + 1);
        Stream *&known = (*m_lastSymbols)[id];
        return known ? known : known = streamOf(form, batch, row);
    }
    Stream *&known = m_byIds[{&form, form.keyIds(batch, row)}];
    return known ? known : known = streamOf(form, batch, row);
}

Stream *StreamTable::streamOf(const EntryForm &form, const Batch &batch, qsizetype row)
{
    const QByteArray key = form.key(batch, row);
    auto &stream = m_byKey[key.toStdString()];
    if (!stream) {
        stream = std::make_unique<Stream>();
        stream->key = key;
        stream->slot = redis::slotOf(key);
        redis::appendWord(stream->words, key);
        stream->words.append(m_options);
        stream->needsLookup = m_lookup > 0;
    }
    stream->forms.push_back(&form);
    return stream.get();
}

void StreamTable::distrustUnconfirmed()
{
    for (const auto &[key, stream] : m_byKey) {
        if (stream->unconfirmed > 0)
            stream->distrust();
    }
}

} // namespace tidemill::redis_stream
