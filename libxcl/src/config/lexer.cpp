// SPDX-License-Identifier: BSD-3-Clause
// Makes tokens of a config's text, as xl's own reader would.
#include "config/lexer.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "config/utf8.hpp"

namespace xcl::config {
namespace {

struct Escape {
    char letter;
    char meaning;
};

constexpr std::array<Escape, 10> escapes{{{'\\', '\\'},
                                          {'\'', '\''},
                                          {'"', '"'},
                                          {'a', '\a'},
                                          {'b', '\b'},
                                          {'f', '\f'},
                                          {'n', '\n'},
                                          {'r', '\r'},
                                          {'t', '\t'},
                                          {'v', '\v'}}};

constexpr std::string_view blanks = " \t";

// The line feed, or the carriage return before it, that ends a line; 0 bytes if there is none.
std::size_t line_end(std::string_view text) {
    if (text.starts_with('\n'))
        return 1;
    return text.starts_with("\r\n") ? 2 : 0;
}

bool ends_word(std::string_view text) {
    return text.empty() || std::string_view(" \t\n'\"[],;#=").find(text.front()) != text.npos ||
           text.starts_with("+=") || line_end(text) != 0;
}

bool begins_character(char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

}  // namespace

std::string described(const Token& token) {
    switch (token.kind) {
        case TokenKind::word:
        case TokenKind::string:
            return quoted(token.text);
        case TokenKind::equals:
            return "'='";
        case TokenKind::plus_equals:
            return "'+='";
        case TokenKind::open_list:
            return "'['";
        case TokenKind::close_list:
            return "']'";
        case TokenKind::comma:
            return "','";
        case TokenKind::semicolon:
            return "';'";
        case TokenKind::new_line:
            return "the end of the line";
        case TokenKind::end:
            break;
    }
    return "the end of the text";
}

void Lexer::advance(std::size_t bytes) {
    const auto taken = rest_.substr(0, bytes);
    place_.column +=
        static_cast<std::size_t>(std::count_if(taken.begin(), taken.end(), begins_character));
    rest_.remove_prefix(bytes);
}

void Lexer::skip_blanks() {
    advance(std::min(rest_.find_first_not_of(blanks), rest_.size()));
}

void Lexer::skip_blanks_and_comments() {
    skip_blanks();
    if (rest_.starts_with('#'))
        advance(std::min(rest_.find('\n'), rest_.size()));
}

char Lexer::peek() {
    skip_blanks();
    return rest_.empty() ? '\0' : rest_.front();
}

Token Lexer::next() {
    skip_blanks_and_comments();
    if (rest_.empty())
        return punctuation(TokenKind::end, 0);
    if (const std::size_t bytes = line_end(rest_); bytes != 0) {
        Token token = punctuation(TokenKind::new_line, bytes);
        ++place_.line;
        place_.column = 1;
        return token;
    }
    if (rest_.starts_with("+="))
        return punctuation(TokenKind::plus_equals, 2);
    switch (rest_.front()) {
        case '=':
            return punctuation(TokenKind::equals, 1);
        case '[':
            return punctuation(TokenKind::open_list, 1);
        case ']':
            return punctuation(TokenKind::close_list, 1);
        case ',':
            return punctuation(TokenKind::comma, 1);
        case ';':
            return punctuation(TokenKind::semicolon, 1);
        case '\'':
        case '"':
            return read_string();
        default:
            return read_word();
    }
}

Token Lexer::punctuation(TokenKind kind, std::size_t bytes) {
    Token token{.kind = kind, .text = {}, .place = place_};
    advance(bytes);
    return token;
}

Token Lexer::read_word() {
    Token token{.kind = TokenKind::word, .text = {}, .place = place_};
    while (!ends_word(rest_))
        token.text += take_character();
    return token;
}

Token Lexer::read_string() {
    Token token{.kind = TokenKind::string, .text = {}, .place = place_};
    const char quote = rest_.front();
    advance(1);
    while (!rest_.starts_with(quote)) {
        if (rest_.empty() || line_end(rest_) != 0) {
            fail(token.place, fmt::format("the string that begins here lacks its closing {} "
                                          "on the same line",
                                          quote));
        }
        if (rest_.front() == '\\') {
            token.text += read_escape();
        } else {
            token.text += take_character();
        }
    }
    advance(1);
    return token;
}

char Lexer::read_escape() {
    const Place begin = place_;
    advance(1);
    const auto character = take_escaped_character();
    if (!character) {
        fail(begin, R"(expected \\, \', \", \n, \t, \x and two digits or \ and three octal digits)",
             R"(write \\ for a single backslash)");
    }
    if (*character == '\0')
        fail(begin, "a string cannot hold a NUL character");
    return *character;
}

std::optional<char> Lexer::take_escaped_character() {
    if (rest_.empty())
        return std::nullopt;
    const auto* const escape =
        std::find_if(escapes.begin(), escapes.end(),
                     [this](const Escape& e) { return e.letter == rest_.front(); });
    if (escape != escapes.end()) {
        advance(1);
        return escape->meaning;
    }
    if (rest_.front() != 'x')
        return take_coded_character(8, 3);
    advance(1);
    return take_coded_character(16, 2);
}

std::optional<char> Lexer::take_coded_character(int base, std::size_t digits) {
    const auto text = rest_.substr(0, digits);
    unsigned value = 0;
    const auto* const end = text.data() + text.size();
    const auto [parsed, error] = std::from_chars(text.data(), end, value, base);
    if (text.size() != digits || parsed != end || error != std::errc{} || value > 0xFF)
        return std::nullopt;
    advance(digits);
    return static_cast<char>(value);
}

std::string_view Lexer::take_character() {
    const std::size_t length = character_length(rest_);
    const auto character = rest_.substr(0, length);
    if (length == 0 || (is_control(character) && character != "\t")) {
        fail(place_,
             fmt::format("found {}, which is not text",
                         printable(rest_.substr(0, std::max<std::size_t>(length, 1)))),
             "a config is UTF-8 text");
    }
    advance(length);
    return character;
}

Token Lexer::take_rest() {
    skip_blanks();
    rest_ = rest_.substr(0, rest_.find_last_not_of(blanks) + 1);
    Token token{.kind = TokenKind::string, .text = {}, .place = place_};
    while (!rest_.empty())
        token.text += take_character();
    return token;
}

}  // namespace xcl::config
