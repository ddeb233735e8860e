/* text.h — a file of text, byte by byte: what the readers of CSV and svmlight stand on.
 *
 * A part of the file at a time is in memory. What has been read since text_mark stays there and
 * together: a field, a number. Lines end in LF, CR LF or CR; a byte-order mark in front is skipped.
 * Messages start with the source's name. */
#ifndef PERIGEE_DATA_TEXT_H
#define PERIGEE_DATA_TEXT_H

#include "core/source.h"

enum { TEXT_END = -1, TEXT_ROOM = 1 << 20 };

typedef struct Text {
    Source *source;  /* borrowed */
    char *buffer;    /* owned */
    size_t room;     /* its bytes: TEXT_ROOM, or as many as there are */
    size_t mark, at; /* where the token starts; the next byte */
    size_t end;      /* of what is there */
    size_t line;     /* from 1 */
    bool failed;     /* the file could not be read on: `*err` says why */
    Error *err;      /* borrowed */
} Text;

/* From the source's first byte on. Refuses what is no text in UTF-8, Latin-1 or ASCII: other
 * programs' files of numbers by their names (foreign.h). text_close in any case. */
bool text_open(Text *text, Source *source, Error *err);
void text_close(Text *text);

/* Brings more of the file; false at its end, and where it fails (`failed`). */
bool text_more(Text *text);

/* The next byte, which stays the next one, or TEXT_END. */
static inline int text_peek(Text *text) {
    return text->at < text->end || text_more(text) ? (unsigned char)text->buffer[text->at]
                                                   : TEXT_END;
}

/* A token starts here; it, and its length so far. It moves when more of the file is read. */
static inline void text_mark(Text *text) {
    text->mark = text->at;
}
static inline char *text_token(const Text *text) {
    return text->buffer + text->mark;
}
static inline size_t text_length(const Text *text) {
    return text->at - text->mark;
}

/* Spaces and tabs; the line's end, where it is one: at the file's end there is none. */
void text_skip_blanks(Text *text);
bool text_skip_line_end(Text *text);

/* All of the line but its end. */
void text_skip_line(Text *text);

/* A token for a message, made short; returns `shown`. */
enum { TEXT_SHOWN = 48 };
const char *text_shown(const char *token, size_t length, char shown[TEXT_SHOWN]);

#endif
