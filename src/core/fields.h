/* fields.h — what an option is, said once.
 *
 * Whatever has options (an attack, training, an SVM, a kernel, a layer, a rejector) lists them in a
 * table of Fields: each option's name, its place in a struct, what it may be, its default and what
 * it means. Reading, writing, complaints, help and completion all come from that table. */
#ifndef PERIGEE_CORE_FIELDS_H
#define PERIGEE_CORE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Error Error;

/* What a field holds, and its type in the struct. */
typedef enum FieldKind {
    FIELD_NUMBER,  /* double */
    FIELD_NUMBERS, /* FieldNumbers; one number is a list of one */
    FIELD_WHOLE,   /* double that holds a whole number */
    FIELD_INTEGER, /* int */
    FIELD_SIZE,    /* size_t */
    FIELD_PAIR,    /* size_t[2], height and width; one number stands for both, and the first of
                      `words`, if there are any, is FIELD_PAIR_WORD twice */
    FIELD_SEED,    /* uint64_t, any 64-bit integer */
    FIELD_BOOLEAN, /* bool */
    FIELD_WORD,    /* int, the word's place in `words` */
    FIELD_NAME,    /* char[FIELD_NAME_SIZE], a word of one's own in UTF-8; empty: not chosen */
    FIELD_STRING,  /* const char *, any string, borrowed from who set it */
    FIELD_OBJECT   /* none: a model, an array, a list; only its description is here */
} FieldKind;

enum { FIELD_NAME_SIZE = 64, FIELD_NUMBERS_MOST = 32 };
#define FIELD_PAIR_WORD SIZE_MAX

/* A short list of numbers, within the field's range each. */
typedef struct FieldNumbers {
    size_t count;
    double number[FIELD_NUMBERS_MOST];
} FieldNumbers;

/* Bounds that are not in the range themselves. */
enum { FIELD_ABOVE_LOW = 1, FIELD_BELOW_HIGH = 2 };

typedef struct Field {
    const char *name;
    FieldKind kind;
    size_t offset;    /* of its place in the struct */
    double low, high; /* of numbers; both 0: any number */
    int open;         /* FIELD_ABOVE_LOW | FIELD_BELOW_HIGH */
    const char *const
        *words;          /* of a word, NULL-terminated; those before number `low` do not count */
    const char *type;    /* of an object, as the help says it: "dataset|array"; of a word what
                            else may stand in its place, kept as objects are: "function"; of
                            a number what its owner reads before the fields are */
    const char *initial; /* the default in words, where the struct's value does not say it; such
                            a value reads as nothing: NaN, a word of −1, a pair of zeros */
    bool required;       /* there is no default: a constructor insists on it */
    const char *meaning; /* half a sentence for the help */
} Field;

/* One for calls that the help does not tell of, under its member's name; its range may follow:
 * { FIELD_OF(PlotAxis, cells, FIELD_SIZE), .low = 1, .high = 20000 }. */
#define FIELD_OF(type, member, what) .name = #member, .kind = what, .offset = offsetof(type, member)

/* The options of one thing. */
typedef struct Fields {
    const Field *field;  /* ends with a NULL name; NULL: none */
    const void *initial; /* the struct with every default; NULL where all fields are objects */
} Fields;

/* A value on its way into a field or out of it, whatever language it comes from. */
typedef enum ValueKind {
    VALUE_NOTHING,
    VALUE_NUMBER,
    VALUE_PAIR,
    VALUE_LIST,
    VALUE_BOOLEAN,
    VALUE_WORD,
    VALUE_OTHER
} ValueKind;

enum { VALUE_TEXT = 128 };

typedef struct Value {
    ValueKind kind;
    double number[FIELD_NUMBERS_MOST];
    size_t count;  /* of a list's numbers; where others take it for OTHER, `got` is there too */
    bool is_whole; /* of a number: `whole` is it, exactly */
    int64_t whole;
    bool truth;
    const char *word;     /* borrowed */
    char got[VALUE_TEXT]; /* of VALUE_OTHER and a list from outside: what it is, for complaints ("an
                             array f32[3]") */
} Value;

Value value_number(double number); /* whole where it is a whole number within int64 */
Value value_whole(int64_t whole);
Value value_boolean(bool truth);
Value value_word(const char *word);

/* The value in words, for complaints; returns text. */
const char *value_text(const Value *value, char text[VALUE_TEXT]);

/* The field of that name, or NULL. */
const Field *fields_find(const Field *field, const char *name);

/* Put a value into the field's place in `object`. Fails, and changes nothing, with "C: expected a
 * number above 0, got true": callers put the function's name in front (error_prefix). */
bool field_set(const Field *field, void *object, const Value *value, Error *err);

/* Copy what stands in the field's place from one object to another. */
void field_copy(const Field *field, void *to, const void *from);

/* Is what the field's place holds within its range? The same complaint if not. */
bool field_check(const Field *field, const void *object, Error *err);

/* The value in the field's place; VALUE_NOTHING where it is left open (see `initial`). */
Value field_get(const Field *field, const void *object);

/* What the field takes: as a complaint says it ("a number above 0"), and as the help does
 * ("number", "\"l1\"|\"l2\""). Both return text. */
enum { FIELD_TEXT = 256 };
const char *field_expected(const Field *field, char text[FIELD_TEXT]);
const char *field_type(const Field *field, char text[FIELD_TEXT]);

/* Its range alone, as the help says it ("above 0", "0 to 1"), after "must be given" where it must;
 * empty where there is neither. */
const char *field_range(const Field *field, char text[FIELD_TEXT]);

/* Its default as the help says it: "0.1", "\"l2\"", "none". */
const char *field_initial(const Fields *fields, const Field *field, char text[FIELD_TEXT]);

/* An option of an object under the name that users know it by there ("relu4.kernel.gamma"). */
typedef struct FieldPlace {
    char name[FIELD_TEXT];
    const Field *field;
    void *object; /* what the field's offset counts from */
} FieldPlace;

/* The object's i-th option; false behind the last. */
typedef bool FieldAt(void *object, size_t i, FieldPlace *place);

/* Fill in a place, its name behind `prefix`. False where there is no field (NULL, or the table's
 * end): what a FieldAt answers behind the last. */
bool fields_place(const Field *field, void *object, const char *prefix, FieldPlace *place);

/* Put "prefix." in front of its name: the option of a part. Returns true. */
bool fields_part(FieldPlace *place, const char *prefix);

/* The option of that name among an object's; an unknown one is fields_unknown's complaint. */
bool fields_locate(FieldAt *at, void *object, const char *name, FieldPlace *place, Error *err);

/* field_set under the name that users know the option by; without an object it is only checked. */
bool fields_set(const FieldPlace *place, const Value *value, Error *err);

/* The complaint about a name that is none of `names` (NULL-terminated): it suggests the nearest and
 * lists all. Returns false. */
bool fields_unknown(const char *name, const char *const *names, Error *err);

#endif
