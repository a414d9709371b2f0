# A report on text files, as a script would be written for any Ruby: it reads a directory, writes
# into it, and says what it found.
require_relative 'words'

folder = ENV.fetch('FOLDER')
texts = Dir.children(folder).grep(/\.txt\z/).sort
counts = texts.to_h { |name| [name, Words.count(File.read(File.join(folder, name)))] }

Dir.mkdir(File.join(folder, 'report'))
target = File.join(folder, 'report', 'words')
File.open("#{target}.new", 'w') do |file|
  counts.each { |name, words| file.puts "#{name} #{words.sum { |_, count| count }}" }
end
File.rename("#{target}.new", target)

total = counts.values.reduce({}) { |sum, words| sum.merge(words) { |_, a, b| a + b } }
word, times = total.max_by { |word, count| [count, word] }
puts "#{texts.size} files, most often: #{word} (#{times} times)"
puts File.readlines(target, chomp: true).join(', ')
begin
  File.read(File.join(folder, '..', '..', 'etc', 'passwd'))
rescue SystemCallError => error
  puts error.class
end
