// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline_description.h"

#include <QProcessEnvironment>

namespace tidemill::host {

// Replaces ${NAME}, ${NAME:-default}, ${NAME:?message} and ${file:PATH} in the values of a tree, keys
// excepted; $${ stands for ${. What was put in is not looked at again, so a variable's value cannot ask for
// another one.
class Substitution
{
public:
    // Relative paths of files are relative to `baseDirectory`.
    Substitution(const QProcessEnvironment &environment, const QString &baseDirectory);

    // A text without quotes, or one that is nothing but one ${...}, counts as written without quotes
    // afterwards: quotes may have been needed for the braces only.
    Value apply(const Value &value);

    const QList<Diagnostic> &problems() const { return m_problems; } // without a file name
    // What came from the environment or a file, defaults excepted, longest first. Values of less than four
    // characters are left out: masking every "5" of a log would hide everything and protect nothing.
    QStringList secrets() const;

private:
    QString replaceIn(const QString &text, int depth);
    QString valueOf(const QString &expression, int depth);
    QString readFile(const QString &path);
    void noteSecret(const QString &text);
    QString fail(const QString &message, const QString &suggestion = {});

    const QProcessEnvironment &m_environment;
    QString m_baseDirectory;
    QList<Diagnostic> m_problems;
    QStringList m_secrets;
    Place m_place;        // of the value being replaced in
    qsizetype m_size = 0; // of everything put in so far
};

// `text` with every secret in it replaced by ***.
QString masked(QString text, const QStringList &secrets);

} // namespace tidemill::host
