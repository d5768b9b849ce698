/* What the two halves of the parser of expressions share: expression_parse.c and expression_name.c. */
#ifndef WINAPI_SPEC_TABLE_EXPRESSION_PARSER_H
#define WINAPI_SPEC_TABLE_EXPRESSION_PARSER_H

#include "spec/base/error.h"
#include "spec/table/expression_tree.h"
#include "spec/table/lexer.h"

struct expression_parser {
    struct lexer lexer;
    const struct expression_names *names;
    size_t node_count;
    unsigned nesting;
    unsigned unused; /* inside so many branches that are never taken: what cannot be computed there does no harm */
};

/* A node in the table's memory.  -EINVAL, with a diagnostic: there are too many; -ENOMEM. */
MUST_CHECK int expression_create(struct expression_parser *parser, enum operation operation,
                                 struct expression **result);
MUST_CHECK int expression_create_number(struct expression_parser *parser, int64_t number, struct expression **result);

/* What stands at a name, "sizeof" among them, and at the '*' of "*name".  The same errors. */
MUST_CHECK int expression_parse_name(struct expression_parser *parser, struct expression **result);
MUST_CHECK int expression_parse_pointee(struct expression_parser *parser, struct expression **result);

#endif
