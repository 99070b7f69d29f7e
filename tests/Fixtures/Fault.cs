using System.Globalization;
using System.Text;

namespace Holdfast.Tests.Fixtures;

/// <summary>What <see cref="FaultProxy"/> does to a request.</summary>
public abstract record Fault
{
    private Fault()
    {
    }

    /// <summary>Answers in the store's place; the store never sees the request.</summary>
    public sealed record Answer(int Status, string? ErrorCode = null, string Headers = "", string? Body = null, string ContentType = "application/xml") : Fault
    {
        internal byte[] ToBytes(string method)
        {
            var body = Body ?? (ErrorCode is null ? "" : $"<?xml version=\"1.0\"?><Error><Code>{ErrorCode}</Code><Message>Made up.</Message></Error>");
            var code = ErrorCode is null ? "" : $"x-ms-error-code: {ErrorCode}\r\n";
            var extra = Headers.Length == 0 ? "" : Headers + "\r\n";
            return Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
                $"HTTP/1.1 {Status} Fault\r\n{code}{extra}Content-Type: {ContentType}\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{(method == "HEAD" ? "" : body)}"));
        }
    }

    /// <summary>Never answers; the store never sees the request.</summary>
    public sealed record Stall : Fault;

    /// <summary>Closes the connection; the store never sees the request.</summary>
    public sealed record DropBefore : Fault;

    /// <summary>Lets the store do it, then closes the connection: the answer is lost.</summary>
    public sealed record DropAfter : Fault;

    /// <summary>Lets the store do it, and gives another answer instead of the store's.</summary>
    public sealed record AnswerAfter(Answer Instead) : Fault;

    /// <summary>Passes the head of the answer and that much of its body, then closes the connection, or goes silent.</summary>
    public sealed record CutBody(int KeepBytes, bool ThenStall = false) : Fault;
}
