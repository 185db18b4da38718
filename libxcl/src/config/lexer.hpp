// SPDX-License-Identifier: BSD-3-Clause
// Lexer: the text of a config as tokens, each with its place.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "config/diagnostics.hpp"

namespace xcl::config {

enum class TokenKind {
    word,    // a key, a number, or whatever else stands there without quotes
    string,  // in single or double quotes; its text is what the quotes hold, escapes resolved
    equals,
    plus_equals,
    open_list,
    close_list,
    comma,
    semicolon,
    new_line,
    end,
};

struct Token {
    TokenKind kind = TokenKind::end;
    std::string text;  // of words and strings
    Place place;
};

// What the token looks like to the person who wrote it: "'abc'", "the end of the line".
[[nodiscard]] std::string described(const Token& token);

class Lexer {
  public:
    // `text` begins at `place` and outlives the lexer.
    Lexer(std::string_view text, Place place) : rest_(text), place_(place) {}

    // The next token; `end` for ever after the last. Comments and blanks are skipped unread.
    // Throws Error for a string without end, a wrong escape, and bytes that are no text.
    [[nodiscard]] Token next();

    // The next character that is not blank, without taking it; '\0' at the end.
    [[nodiscard]] char peek();

    // Takes all that is left, without the blanks around it, as one string: nothing in it is a
    // quote, a comment or a separator. So an unquoted value of a command line is read.
    [[nodiscard]] Token take_rest();

  private:
    void skip_blanks();
    void skip_blanks_and_comments();
    [[nodiscard]] Token punctuation(TokenKind kind, std::size_t bytes);
    [[nodiscard]] Token read_string();
    [[nodiscard]] Token read_word();
    [[nodiscard]] char read_escape();
    [[nodiscard]] std::optional<char> take_escaped_character();
    [[nodiscard]] std::optional<char> take_coded_character(int base, std::size_t digits);
    // Takes one character, after checking that it is text.
    [[nodiscard]] std::string_view take_character();
    void advance(std::size_t bytes);

    std::string_view rest_;
    Place place_;
};

}  // namespace xcl::config
