/* What could be written about a pointer, guessed from names and types: the end of a message. */
#ifndef WINAPI_SPEC_TABLE_PASSING_ADVICE_H
#define WINAPI_SPEC_TABLE_PASSING_ADVICE_H

struct passing_place;
struct reading;
struct type;

/* For a parameter or member.  The text lives as long as the table. */
const char *passing_advice(struct reading *reading, const struct passing_place *place);

/* For a result. */
const char *passing_result_advice(const struct type *type);

#endif
