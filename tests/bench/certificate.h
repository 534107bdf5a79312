// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace tidemill::bench {

// What OpenSSL hands out, freed by its own function.
template<auto Free>
struct Freed
{
    template<typename T>
    void operator()(T *object) const
    {
        Free(object);
    }
};

using TlsContext = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using TlsStream = std::unique_ptr<SSL, Freed<SSL_free>>;

// A server's side for 127.0.0.1 with a certificate made now, which signs itself; `pem` is what a client must
// trust. Null if OpenSSL does not want to.
TlsContext makeServerContext(std::string &pem);

} // namespace tidemill::bench
