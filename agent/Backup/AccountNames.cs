using System.Globalization;
using System.Runtime.InteropServices;

namespace Holdfast.Agent.Backup;

/// <summary>Names of users and groups, each asked for once. An id without a name is its number.</summary>
internal sealed partial class AccountNames
{
    private readonly Dictionary<(bool IsGroup, uint Id), string> _names = [];

    /// <summary>A user's name.</summary>
    public string User(uint id) => Name(isGroup: false, id);

    /// <summary>A group's name.</summary>
    public string Group(uint id) => Name(isGroup: true, id);

    private string Name(bool isGroup, uint id)
    {
        if (_names.TryGetValue((isGroup, id), out var known)) return known;
        return _names[(isGroup, id)] = Ask(isGroup, id) ?? id.ToString(CultureInfo.InvariantCulture);
    }

    private static unsafe string? Ask(bool isGroup, uint id)
    {
        // struct passwd and struct group both begin with the name.
        const int RecordSize = 128, TextSize = 16 << 10;
        var record = stackalloc byte[RecordSize];
        var text = new byte[TextSize];
        nint found = 0;
        fixed (byte* buffer = text)
            if ((isGroup ? GroupById(id, record, buffer, TextSize, &found) : UserById(id, record, buffer, TextSize, &found)) == 0 && found != 0)
                return Marshal.PtrToStringUTF8(*(nint*)found);
        return null;
    }

    [LibraryImport("libc", EntryPoint = "getpwuid_r")]
    private static unsafe partial int UserById(uint id, byte* record, byte* buffer, nuint length, nint* found);

    [LibraryImport("libc", EntryPoint = "getgrgid_r")]
    private static unsafe partial int GroupById(uint id, byte* record, byte* buffer, nuint length, nint* found);
}
