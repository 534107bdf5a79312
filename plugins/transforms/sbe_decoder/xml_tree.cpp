// SPDX-License-Identifier: Apache-2.0
#include "xml_tree.h"

#include <QFile>
#include <QFileInfo>
#include <QStringDecoder>
#include <QXmlStreamReader>

namespace tidemill::sbe {

namespace {

// One document, without its includes.
class DocumentReader
{
public:
    DocumentReader(const QString &text, const QString &file, const XmlLimits &limits, int &elements)
        : m_text(text)
        , m_file(file)
        , m_limits(limits)
        , m_elements(elements)
        , m_reader(text)
    {}

    Result<XmlElement> read()
    {
        while (!m_reader.atEnd()) {
            m_reader.readNext();
            // A bare <!DOCTYPE xml> says nothing and stands in schemas of an exchange; one that declares or
            // fetches something is a door for entities.
            if (m_reader.isDTD() && (m_reader.text().contains(QLatin1Char('[')) ||
                                     !m_reader.dtdSystemId().isEmpty() || !m_reader.dtdPublicId().isEmpty()))
                return refuse(noEntities());
            if (!m_reader.isStartElement())
                continue;
            auto root = readElement(1);
            // Behind the root there may be comments, and rubbish that the reader has to find.
            while (root && !m_reader.atEnd())
                m_reader.readNext();
            if (root && m_reader.hasError())
                break;
            return root;
        }
        return refuse(m_reader.hasError() ? m_reader.errorString()
                                          : QStringLiteral("expected an XML document, got nothing"));
    }

private:
    Result<XmlElement> readElement(int depth)
    {
        if (depth > m_limits.depth)
            return refuse(QStringLiteral("expected at most %1 nested elements").arg(m_limits.depth));
        if (++m_elements > m_limits.elements)
            return refuse(QStringLiteral("expected at most %1 elements").arg(m_limits.elements));
        XmlElement element = startOfElement();
        while (!m_reader.atEnd()) {
            m_reader.readNext();
            if (m_reader.isEndElement())
                return element;
            if (m_reader.isStartElement()) {
                auto child = readElement(depth + 1);
                if (!child)
                    return child.error();
                element.children.push_back(*std::move(child));
            } else if (m_reader.isEntityReference()) {
                return refuse(noEntities());
            } else if (m_reader.isCharacters()) {
                element.text.append(m_reader.text());
            }
        }
        return refuse(m_reader.errorString());
    }

    XmlElement startOfElement()
    {
        XmlElement element;
        element.name = m_reader.name().toString();
        element.file = m_file;
        // The reader stands behind the tag, which may have several lines.
        const qsizetype end = qBound(qsizetype(0), qsizetype(m_reader.characterOffset()), m_text.size());
        const qsizetype start =
            qMax(qsizetype(0), m_text.lastIndexOf(QLatin1Char('<'), qMax(end - 1, qsizetype(0))));
        element.line = int(m_reader.lineNumber()) -
                       int(QStringView(m_text).mid(start, end - start).count(QLatin1Char('\n')));
        const QXmlStreamAttributes attributes = m_reader.attributes();
        for (const QXmlStreamAttribute &attribute : attributes)
            element.attributes.push_back({attribute.name().toString(), attribute.value().toString(),
                                          !attribute.namespaceUri().isEmpty()});
        return element;
    }

    static QString noEntities()
    {
        return QStringLiteral("expected a schema without entities and declarations of its own");
    }

    Error refuse(const QString &message) const
    {
        return errorAt(m_file, int(m_reader.lineNumber()), message);
    }

    const QString &m_text;
    const QString m_file;
    const XmlLimits &m_limits;
    int &m_elements;
    QXmlStreamReader m_reader;
};

Result<XmlElement> readDocument(const QByteArray &document, const QString &file, const XmlLimits &limits,
                                int &elements)
{
    if (document.size() > limits.fileBytes)
        return errorAt(file, 1, QStringLiteral("expected at most %1 bytes").arg(limits.fileBytes));
    QStringDecoder decoder(QStringDecoder::Utf8);
    const QString text = decoder.decode(document);
    if (decoder.hasError())
        return errorAt(file, 1, QStringLiteral("expected UTF-8"));
    return DocumentReader(text, file, limits, elements).read();
}

Result<QString> includedPath(const XmlElement &include)
{
    const QString href = include.value("href");
    const bool isSafe = !href.isEmpty() && !href.startsWith(QLatin1Char('/')) &&
                        !href.contains(QLatin1Char(':')) && !href.contains(QLatin1Char('\\')) &&
                        !href.split(QLatin1Char('/')).contains(QLatin1String(".."));
    if (!isSafe)
        return errorAt(include,
                       QStringLiteral("href: expected a path beside or below this file, got '%1'").arg(href));
    const QString folder = QFileInfo(include.file).path();
    return folder == QLatin1String(".") ? href : folder + QLatin1Char('/') + href;
}

} // namespace

const QString *XmlElement::find(const char *attribute) const
{
    for (const Attribute &candidate : attributes) {
        if (!candidate.isForeign && candidate.name == QLatin1String(attribute))
            return &candidate.value;
    }
    return nullptr;
}

const QString *XmlElement::findForeign(const char *attribute) const
{
    for (const Attribute &candidate : attributes) {
        if (candidate.isForeign && candidate.name == QLatin1String(attribute))
            return &candidate.value;
    }
    return nullptr;
}

QString XmlElement::value(const char *attribute) const
{
    const QString *found = find(attribute);
    return found ? *found : QString();
}

QString XmlElement::description() const
{
    const QString *ownName = find("name");
    return ownName ? QStringLiteral("<%1 name='%2'>").arg(name, *ownName) : QStringLiteral("<%1>").arg(name);
}

Error errorAt(const QString &file, int line, const QString &message)
{
    return {Error::Kind::Config, QStringLiteral("%1:%2: %3").arg(file).arg(line).arg(message)};
}

Error errorAt(const XmlElement &element, const QString &message)
{
    return errorAt(element.file, element.line, message);
}

Result<QByteArray> loadFile(const QString &path)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return Error{Error::Kind::Config, QStringLiteral("%1: %2").arg(path, file.errorString())};
    return file.read(XmlLimits().fileBytes + 1); // one more, so that too many shows
}

Result<XmlElement> readXml(const QByteArray &document, const QString &file, const LoadFile &load,
                           const XmlLimits &limits)
{
    int elements = 0;
    auto root = readDocument(document, file, limits, elements);
    if (!root)
        return root;
    int includes = 0;
    for (XmlElement &child : root->children) {
        if (child.name != QLatin1String("include"))
            continue;
        if (++includes > limits.includes)
            return errorAt(child, QStringLiteral("expected at most %1 includes").arg(limits.includes));
        const auto path = includedPath(child);
        if (!path)
            return path.error();
        const auto content = load(*path);
        if (!content)
            return errorAt(child, content.error().message);
        auto included = readDocument(*content, *path, limits, elements);
        if (!included)
            return included;
        child = *std::move(included);
    }
    return root;
}

} // namespace tidemill::sbe
