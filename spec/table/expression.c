/* Expressions at work: values out of a call's arguments, and the meaning as text. */
#include "spec/table/expression.h"

#include "spec/base/text.h"
#include "spec/table/expression_tree.h"
#include "spec/table/type_value.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { SHIFT_MOST = 62 };

static int shift_left(int64_t left, int64_t right, int64_t *value)
{
    if (left < 0 || right < 0 || right > SHIFT_MOST)
        return -EDOM;
    if (left > INT64_MAX >> right)
        return -EOVERFLOW;
    *value = left << right;
    return 0;
}

static int shift_right(int64_t left, int64_t right, int64_t *value)
{
    if (left < 0 || right < 0 || right > SHIFT_MOST)
        return -EDOM;
    *value = left >> right;
    return 0;
}

static int divide(enum operation operation, int64_t left, int64_t right, int64_t *value)
{
    if (right == 0)
        return -EDOM;
    if (left == INT64_MIN && right == -1)
        return -EOVERFLOW;
    *value = operation == OPERATION_DIVIDE ? left / right : left % right;
    return 0;
}

/* The operators that give a result for any two numbers. */
static int64_t apply_total(enum operation operation, int64_t left, int64_t right)
{
    switch (operation) {
    case OPERATION_LESS:
        return left < right;
    case OPERATION_LESS_EQUAL:
        return left <= right;
    case OPERATION_GREATER:
        return left > right;
    case OPERATION_GREATER_EQUAL:
        return left >= right;
    case OPERATION_EQUAL:
        return left == right;
    case OPERATION_NOT_EQUAL:
        return left != right;
    case OPERATION_BITS_AND:
        return left & right;
    case OPERATION_BITS_XOR:
        return left ^ right;
    case OPERATION_BITS_OR:
        return left | right;
    case OPERATION_AND:
        return left && right;
    default:
        return left || right;
    }
}

int expression_apply(enum operation operation, int64_t left, int64_t right, int64_t *value)
{
    switch (operation) {
    case OPERATION_ADD:
        return __builtin_add_overflow(left, right, value) ? -EOVERFLOW : 0;
    case OPERATION_SUBTRACT:
        return __builtin_sub_overflow(left, right, value) ? -EOVERFLOW : 0;
    case OPERATION_MULTIPLY:
        return __builtin_mul_overflow(left, right, value) ? -EOVERFLOW : 0;
    case OPERATION_SHIFT_LEFT:
        return shift_left(left, right, value);
    case OPERATION_SHIFT_RIGHT:
        return shift_right(left, right, value);
    case OPERATION_DIVIDE:
    case OPERATION_REMAINDER:
        return divide(operation, left, right, value);
    default:
        *value = apply_total(operation, left, right);
        return 0;
    }
}

static const void *find_variable(const struct expression *expression, const struct scope *scope)
{
    const char *object;

    switch (expression->operation) {
    case OPERATION_ARGUMENT:
        return scope->arguments[expression->index];
    case OPERATION_MEMBER:
        return (const char *)scope->arguments[expression->index] + expression->offset;
    case OPERATION_POINTEE:
    case OPERATION_BEHIND:
        memcpy(&object, scope->arguments[expression->index], sizeof(object));
        break;
    case OPERATION_RESULT:
        return scope->result;
    default:
        object = scope->object;
    }
    return object ? object + expression->offset : NULL;
}

static int load_variable(const struct expression *expression, const struct scope *scope, int64_t *value)
{
    const void *at = find_variable(expression, scope);
    uint64_t number;

    if (!at)
        return -EFAULT;
    number = value_load(expression->type, at);
    if (number > INT64_MAX && !type_is_signed(expression->type))
        return -EOVERFLOW;
    *value = (int64_t)number;
    return 0;
}

static int evaluate(const struct expression *expression, const struct scope *scope, int64_t *value);

static int evaluate_choice(const struct expression *expression, const struct scope *scope, int64_t *value)
{
    int64_t condition = 0;
    int status = evaluate(expression->condition, scope, &condition);

    return status < 0 ? status : evaluate(condition ? expression->left : expression->right, scope, value);
}

/* The right side is looked at when the left one has not decided: && is decided by 0, || by anything else. */
static int evaluate_logic(const struct expression *expression, const struct scope *scope, int64_t *value)
{
    int64_t side = 0;
    int status = evaluate(expression->left, scope, &side);

    if (status == 0 && (side != 0) == (expression->operation == OPERATION_AND))
        status = evaluate(expression->right, scope, &side);
    *value = side != 0;
    return status;
}

static int evaluate(const struct expression *expression, const struct scope *scope, int64_t *value)
{
    int64_t left = 0, right = 0;
    int status;

    if (expression->operation == OPERATION_NUMBER) {
        *value = expression->number;
        return 0;
    }
    if (expression->operation <= OPERATION_RESULT)
        return load_variable(expression, scope, value);
    if (expression->operation == OPERATION_CHOOSE)
        return evaluate_choice(expression, scope, value);
    if (expression->operation >= OPERATION_AND)
        return evaluate_logic(expression, scope, value);

    status = evaluate(expression->left, scope, &left);
    if (status == 0)
        status = evaluate(expression->right, scope, &right);
    if (status < 0)
        return status;
    return expression_apply(expression->operation, left, right, value);
}

int expression_evaluate(const struct expression *expression, const struct scope *scope, uint64_t *value)
{
    int64_t number;
    int status = evaluate(expression, scope, &number);

    if (status < 0)
        return status;
    if (number < 0)
        return -ERANGE;
    *value = (uint64_t)number;
    return 0;
}

const char *expression_text(const struct expression *expression)
{
    return expression->text;
}

bool expression_is_constant(const struct expression *expression, int64_t *value)
{
    *value = expression->number;
    return expression->operation == OPERATION_NUMBER;
}

bool expression_leaf(const struct expression *expression, struct expression_leaf *leaf)
{
    if (expression->operation > OPERATION_POINTEE)
        return false;
    *leaf = (struct expression_leaf){.kind = LEAF_NUMBER + (expression->operation - OPERATION_NUMBER),
                                     .number = expression->number,
                                     .index = expression->index,
                                     .size = expression->type ? expression->type->size : 0,
                                     .is_signed = expression->type && type_is_signed(expression->type)};
    return true;
}

static const char *operator_text(enum operation operation)
{
    static const char *const texts[] = {
        [OPERATION_ADD] = "+",          [OPERATION_SUBTRACT] = "-",       [OPERATION_MULTIPLY] = "*",
        [OPERATION_DIVIDE] = "/",       [OPERATION_REMAINDER] = "%",      [OPERATION_SHIFT_LEFT] = "<<",
        [OPERATION_SHIFT_RIGHT] = ">>", [OPERATION_LESS] = "<",           [OPERATION_LESS_EQUAL] = "<=",
        [OPERATION_GREATER] = ">",      [OPERATION_GREATER_EQUAL] = ">=", [OPERATION_EQUAL] = "==",
        [OPERATION_NOT_EQUAL] = "!=",   [OPERATION_BITS_AND] = "&",       [OPERATION_BITS_XOR] = "^",
        [OPERATION_BITS_OR] = "|",      [OPERATION_AND] = "&&",           [OPERATION_OR] = "||",
        [OPERATION_CHOOSE] = ":",
    };

    return texts[operation];
}

void expression_describe(const struct expression *expression, struct text *text)
{
    switch (expression->operation) {
    case OPERATION_NUMBER:
        text_format(text, "%" PRId64, expression->number);
        break;
    case OPERATION_ARGUMENT:
        text_format(text, "p%zu", expression->index);
        break;
    case OPERATION_POINTEE:
        text_format(text, "*p%zu", expression->index);
        break;
    case OPERATION_FIELD:
        text_format(text, "f%zu", expression->index);
        break;
    case OPERATION_MEMBER:
    case OPERATION_BEHIND:
        text_format(text, "%sp%zu.f%zu", expression->operation == OPERATION_BEHIND ? "*" : "", expression->index,
                    expression->field);
        break;
    case OPERATION_RESULT:
        text_add(text, "r");
        break;
    default:
        text_add(text, "(");
        if (expression->condition) {
            expression_describe(expression->condition, text);
            text_add(text, "?");
        }
        expression_describe(expression->left, text);
        text_add(text, operator_text(expression->operation));
        expression_describe(expression->right, text);
        text_add(text, ")");
    }
}

static bool has_part(const struct expression *expression, enum operation operation, size_t index)
{
    if (expression->operation <= OPERATION_RESULT)
        return expression->operation == operation && expression->index == index;
    if (expression->condition && has_part(expression->condition, operation, index))
        return true;
    return has_part(expression->left, operation, index) || has_part(expression->right, operation, index);
}

bool expression_follows(const struct expression *expression, size_t parameter)
{
    return has_part(expression, OPERATION_POINTEE, parameter) || has_part(expression, OPERATION_BEHIND, parameter);
}

bool expression_takes(const struct expression *expression, size_t parameter)
{
    return has_part(expression, OPERATION_ARGUMENT, parameter) || has_part(expression, OPERATION_MEMBER, parameter);
}

bool expression_needs_result(const struct expression *expression)
{
    return has_part(expression, OPERATION_RESULT, 0);
}
