/* sanitizer.h — is this compiled with AddressSanitizer? Then __SANITIZE_ADDRESS__ is defined, which
 * is gcc's word for it, by clang as well. */
#ifndef PERIGEE_CORE_SANITIZER_H
#define PERIGEE_CORE_SANITIZER_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#endif
