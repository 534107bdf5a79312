// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/result.h>

#include <QByteArray>
#include <QStringList>

#include <functional>
#include <vector>

namespace tidemill::sbe {

// An element of an XML document and where it begins. Names are local names: schemas in the wild use several
// namespaces, or none. Attributes of foreign namespaces (mbx:exponent) are kept apart.
struct XmlElement
{
    struct Attribute
    {
        QString name;
        QString value;
        bool isForeign = false;
    };

    QString name;
    std::vector<Attribute> attributes;
    QString text; // of this element alone, with the blanks around it
    std::vector<XmlElement> children;
    QString file;
    int line = 0;

    // nullptr if there is none.
    const QString *find(const char *attribute) const;
    const QString *findForeign(const char *attribute) const;
    QString value(const char *attribute) const;
    // "<field name='price'>": for messages.
    QString description() const;
};

// What a document may be: a schema comes from a file, but from whom?
struct XmlLimits
{
    qint64 fileBytes = 4 << 20;
    int depth = 16;
    int elements = 200'000;
    int includes = 16;
};

// Gives the content of a file. An error's message is shown as it is.
using LoadFile = std::function<Result<QByteArray>(const QString &path)>;

// Reads files from disk, no more than the limit of bytes.
Result<QByteArray> loadFile(const QString &path);

// "FILE:LINE: message"
Error errorAt(const QString &file, int line, const QString &message);
Error errorAt(const XmlElement &element, const QString &message);

// Reads a document into a tree. Entities are refused, and DTDs that declare anything. XInclude elements below
// the root are replaced by the document that they name, which `load` fetches by its path beside the including
// one; absolute paths and ".." are refused.
Result<XmlElement> readXml(const QByteArray &document, const QString &file, const LoadFile &load,
                           const XmlLimits &limits = {});

} // namespace tidemill::sbe
