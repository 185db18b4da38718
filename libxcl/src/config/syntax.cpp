// SPDX-License-Identifier: BSD-3-Clause
// The grammar of xl.cfg: assignments between line ends or semicolons, values, nested lists.
#include "config/syntax.hpp"

#include <utility>

#include <fmt/format.h>

#include "config/lexer.hpp"

namespace xcl::config {
namespace {

// xl's deepest value is vnuma, a list of lists; the bound keeps the recursion small.
constexpr unsigned max_list_depth = 8;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool ends_statement(TokenKind kind) {
    return kind == TokenKind::new_line || kind == TokenKind::semicolon || kind == TokenKind::end;
}

// What xl takes as a number without quotes, whatever it is used for.
bool is_number(std::string_view word) {
    return word.find_first_not_of("0123456789") != 0 &&
           word.find_first_not_of("0123456789abcdefx") == std::string_view::npos;
}

Value::Kind kind_of(const Token& token) {
    if (token.kind == TokenKind::string)
        return Value::Kind::string;
    return is_number(token.text) ? Value::Kind::number : Value::Kind::word;
}

class Parser {
  public:
    Parser(std::string_view text, const Place& begin) : lexer_(text, begin) {}

    std::vector<Assignment> all() {
        std::vector<Assignment> assignments;
        for (Token token = lexer_.next(); token.kind != TokenKind::end; token = lexer_.next()) {
            if (ends_statement(token.kind))
                continue;
            Assignment assignment = head(std::move(token));
            assignment.value = value_of(assignment.key);
            assignments.push_back(std::move(assignment));
            if (const Token after = lexer_.next(); !ends_statement(after.kind)) {
                fail(after.place,
                     fmt::format("expected a new line or ';' after the value, found {}",
                                 described(after)));
            }
        }
        return assignments;
    }

    Assignment only() {
        Assignment assignment = head(lexer_.next());
        const char first = lexer_.peek();
        if (first != '\'' && first != '"' && first != '[') {
            Token rest = lexer_.take_rest();
            assignment.value = {.kind = Value::Kind::string,
                                .text = std::move(rest.text),
                                .items = {},
                                .place = rest.place};
            return assignment;
        }
        assignment.value = value_of(assignment.key);
        if (const Token after = lexer_.next(); after.kind != TokenKind::end) {
            fail(after.place,
                 fmt::format("expected nothing after the value, found {}", described(after)),
                 "put quotes around the whole value");
        }
        return assignment;
    }

  private:
    // KEY and the operator after it.
    Assignment head(Token key) {
        if (key.kind != TokenKind::word)
            fail(key.place, fmt::format("expected a key, found {}", described(key)));
        const Token op = lexer_.next();
        if (op.kind != TokenKind::equals && op.kind != TokenKind::plus_equals) {
            fail(op.place,
                 fmt::format("expected '=' after {}, found {}", quoted(key.text), described(op)));
        }
        return {.key = std::move(key.text),
                .append = op.kind == TokenKind::plus_equals,
                .value = {},
                .place = key.place};
    }

    Value value_of(std::string_view key) {
        Token token = lexer_.next();
        if (!begins_value(token.kind)) {
            fail(token.place,
                 fmt::format("expected a value for {}, found {}", quoted(key), described(token)));
        }
        return value(std::move(token), 0);
    }

    static bool begins_value(TokenKind kind) {
        return kind == TokenKind::string || kind == TokenKind::word || kind == TokenKind::open_list;
    }

    Value value(Token first, unsigned depth) {
        if (first.kind == TokenKind::open_list)
            return list(first.place, depth + 1);
        return {.kind = kind_of(first),
                .text = std::move(first.text),
                .items = {},
                .place = first.place};
    }

    Value list(const Place& begin, unsigned depth) {
        if (depth > max_list_depth)
            fail(begin, fmt::format("lists within lists go at most {} deep", max_list_depth));
        Value result{.kind = Value::Kind::list, .text = {}, .items = {}, .place = begin};
        for (;;) {
            Token token = next_in_list();
            if (token.kind == TokenKind::close_list)
                return result;
            if (!begins_value(token.kind))
                fail_in_list(begin, "a value or ']'", token);
            result.items.push_back(value(std::move(token), depth));
            const Token after = next_in_list();
            if (after.kind == TokenKind::close_list)
                return result;
            if (after.kind != TokenKind::comma)
                fail_in_list(begin, "',' or ']'", after);
        }
    }

    Token next_in_list() {
        Token token = lexer_.next();
        while (token.kind == TokenKind::new_line)
            token = lexer_.next();
        return token;
    }

    [[noreturn]] static void fail_in_list(const Place& begin, std::string_view expected,
                                          const Token& found) {
        fail(found.place, fmt::format("expected {} in the list that begins at {}:{}, found {}",
                                      expected, begin.line, begin.column, described(found)));
    }

    Lexer lexer_;
};

}  // namespace

std::vector<Assignment> parse_assignments(std::string_view text, std::string_view origin) {
    if (text.starts_with(byte_order_mark))
        text.remove_prefix(byte_order_mark.size());
    return Parser(text, {.origin = origin}).all();
}

Assignment parse_override(std::string_view argument, const Place& begin) {
    return Parser(argument, begin).only();
}

}  // namespace xcl::config
