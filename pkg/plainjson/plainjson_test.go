package plainjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
)

// read takes an object of all kinds of values.
func read(text string) (string, error) {
	r := NewReader([]byte(text))
	var got string
	note := func(v any) { got += fmt.Sprintf("%v ", v) }
	r.Object(func(key string) {
		note(key)
		switch key {
		case "text":
			note(r.Text())
		case "bool":
			note(r.Bool())
		case "uint8":
			note(r.Uint(8))
		case "int8":
			note(r.Int(8))
		case "float":
			note(r.Float())
		case "array":
			note(r.Array(func() { note(r.Text()) }))
		case "object":
			note(r.Object(func(key string) { note(key + "=" + r.Text()) }))
		case "skip":
			r.Skip()
		default:
			r.Fail(ErrUnexpected)
		}
	})
	return got, r.Close()
}

// nested returns arrays in one another.
func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

func TestReader(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                                     "",
		` { "text" : "a\n\u00e9" , "bool":true}`: "text a\né bool true ",
		`{"uint8":255,"int8":-128,"float":1e3}`:  "uint8 255 int8 -128 float 1000 ",
		`{"array":[],"array":["a","b"]}`:         "array true array a b true ",
		`{"array":null,"text":""}`:               "array false text  ",
		`{"object":null,"bool":false}`:           "object false bool false ",
		`null`:                                   "",
		`{"object":{"a":"b","a":"c"}}`:           "object a=b a=c true ",
		`{"skip":{"text":["]",{}],"a":-1e3,"b":[true,false,null]},"bool":true,"skip":"\""}`:                "skip bool true skip ",
		"\t{\r\n\"bool\" : false , \"uint8\": \t7 ,\"array\": null, \"skip\": true ,\"skip\":\rnull }\r\n": "bool false uint8 7 array false skip skip ",
		"{\"text\":\"\xff\",\"bool\":true}": "text \ufffd bool true ", // as package json takes it
		`{"skip":` + nested(100) + `}`:      "skip ",
	} {
		if got, err := read(text); got != want || err != nil {
			t.Errorf("read(%s) = %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{
		``, `[]`, `nul`, `{`, `{}}`, `{} x`, `{"other":1}`, `{"text":1}`, `{"text":null}`, `{"text":"a"`, `{"text":"a",}`, `{"text" "a"}`,
		`{"bool":"true"}`, `{"uint8":256}`, `{"uint8":-1}`, `{"uint8":01}`, `{"uint8":00}`, `{"uint8":}`, `{"int8":+1}`, `{"float":.5}`, `{"float":1.}`, `{"uint8":1.0}`, `{"int8":128}`, `{"float":1e999}`, `{"float":"1"}`,
		`{"text":"a`, `{"text":"a\`, `{"text":"a\"`, "{\"text\":\"\x1f\"}", `{"bool":}`, `{"bool":t}`,
		`{"skip":}`, `{"skip":[}`, `{"skip":{"a"}}`, `{"skip":nul}`, `{"skip":tru}`, `{"skip":"\x"}`, `{"skip":"\u12"}`, "{\"skip\":\"\n\"}", `{"skip":-}`, `{"skip":` + nested(101) + `}`,
		`{"array":{}}`, `{"array":["a",1]}`, `{"array":["a"}`, `{"object":[]}`,
	} {
		if got, err := read(text); err == nil {
			t.Errorf("read(%s) = %q, want an error", text, got)
		}
	}
}

// TestReaderStops: the first error is the one to know, and nothing is taken after it.
func TestReaderStops(t *testing.T) {
	never := func() { t.Error("something was taken after an error") }
	r := NewReader([]byte(`"a" "b" 1 1 1 true [1] {"a":1}`))
	if got := r.Text(); got != "a" {
		t.Errorf("Text() = %q, want a", got)
	}
	r.Fail(io.EOF)
	r.Fail(ErrUnexpected)
	text, n, i, f, is := r.Text(), r.Uint(64), r.Int(64), r.Float(), r.Bool()
	if text != "" || n != 0 || i != 0 || f != 0 || is {
		t.Errorf("after an error: %q, %d, %d, %v, %v, want none", text, n, i, f, is)
	}
	r.Array(never)
	r.Object(func(string) { never() })
	r.Skip()
	if err := r.Close(); err != io.EOF {
		t.Errorf("Close() = %v, want %v", err, io.EOF)
	}
	NewReader([]byte("1")).Object(func(string) { never() })
}

// library returns what package json makes of a value.
func library(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func TestAppend(t *testing.T) {
	type names []string
	for _, s := range []string{"", "plain ~", `"\/<>&`, "\t\x00\x7f\u2028é", "\xff\xc3", "\n"} {
		if got, want := string(appendString(nil, s)), library(t, s); got != want {
			t.Errorf("appendString(%q) = %s, want %s", s, got, want)
		}
		b := AppendTexts(AppendTexts(AppendTexts([]byte{'{'}, "a", names{s, "b"}), "b", names{}), "c", names(nil))
		b = AppendUint(AppendBool(AppendBool(b, "d", true), "e", false), "f", math.MaxUint64)
		b = append(AppendKey(AppendText(b, "g", s), "h"+s), "{}}"...)
		want := library(t, map[string]any{
			"a": names{s, "b"}, "b": names{}, "c": nil, "d": true, "e": false, "f": uint64(math.MaxUint64), "g": s, "h" + s: struct{}{},
		}) // sorted by the keys, as above
		if string(b) != want {
			t.Errorf("%q: got %s, want %s", s, b, want)
		}
	}
}
